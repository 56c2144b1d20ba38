"""OOMKill: one incident, or several merged; immutable."""

from enum import StrEnum

from pydantic import Field

from oomwarden.api.base import Model, Quantity


class Cause(StrEnum):
    """Whose memory ran out."""

    CONTAINER_LIMIT = "ContainerLimit"
    POD_LIMIT = "PodLimit"
    NODE_ALLOCATABLE = "NodeAllocatable"
    NODE_OUT_OF_MEMORY = "NodeOutOfMemory"
    UNKNOWN = "Unknown"


class ContainerType(StrEnum):
    """Which list of the pod's spec a container stands in."""

    APP = "App"
    INIT = "Init"
    SIDECAR = "Sidecar"
    EPHEMERAL = "Ephemeral"


class Owner(Model):
    """The pod's controller."""

    kind: str
    name: str


class PodReference(Model):
    """The pod that the killed container belonged to."""

    name: str
    uid: str
    owner: Owner | None = None


class ContainerReference(Model):
    """The container, or the candidates when several vanished unread."""

    name: str | None = None
    type: ContainerType | None = None
    id: str | None = None
    candidates: tuple[str, ...] = ()


class Victim(Model):
    """A killed process, from the kernel log."""

    pid: int
    command: str
    anon_rss: Quantity | None = Field(None, alias="anonRSS")
    file_rss: Quantity | None = Field(None, alias="fileRSS")
    shmem_rss: Quantity | None = Field(None, alias="shmemRSS")
    total_vm: Quantity | None = Field(None, alias="totalVM")
    page_tables: Quantity | None = None
    oom_score_adj: int | None = None
    uid: int | None = None


class TimeSpan(Model):
    """The kill lies between; RFC 3339 with microseconds."""

    after: str | None = None
    before: str


class PolicyReference(Model):
    """The policy that governed the container when it was killed."""

    kind: str
    name: str


class Evidence(Model):
    """The range `start..end` of the kernel's own oom_kill counter that this record covers."""

    boot_id: str = Field(alias="bootID")
    cgroup: int
    level: str
    epoch: int = 0
    start: int = Field(alias="from")
    end: int = Field(alias="to")
    sources: tuple[str, ...] = ("Counters",)


class OOMKill(Model):
    """The facts of the record, beside apiVersion, kind and metadata; unknown ones are absent."""

    node: str
    pod: PodReference
    container: ContainerReference
    cause: Cause
    limit: Quantity | None = None
    enforced_at: str | None = None
    kills: int
    group_kill: bool | None = None
    victims: tuple[Victim, ...] = ()
    time: TimeSpan
    policy: PolicyReference | None = None
    evidence: Evidence
