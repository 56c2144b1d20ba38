"""OOMKill: one incident, or several merged; immutable."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from oomwarden.api.base import Model, Quantity, Timestamp, rule, validations
from oomwarden.api.memory import Memory


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

    kind: str = Field(description="Kind of the controller, such as Deployment.", max_length=253)
    name: str = Field(description="Name of the controller.", max_length=253)


class PodReference(Model):
    """The pod that the killed container belonged to."""

    name: str = Field(description="Name of the pod, in the record's namespace.", max_length=253)
    uid: str = Field(description="UID of the pod.", max_length=128)
    owner: Owner | None = Field(
        None,
        description="The pod's controller; a Deployment in place of its ReplicaSet. Absent: none.",
    )


class ContainerReference(Model):
    """The container, or the candidates when several vanished unread."""

    name: str | None = Field(
        None, description="Name of the container. Absent: unknown.", max_length=253
    )
    type: ContainerType | None = Field(
        None, description="App, Init, Sidecar or Ephemeral. Absent: unknown."
    )
    id: str | None = Field(
        None,
        description="The runtime's id, 64 hexadecimal digits. Absent: unknown.",
        max_length=256,
    )
    candidates: tuple[Annotated[str, Field(max_length=253)], ...] = Field(
        (),
        description="Names of the containers that it may have been, when it is not known which.",
        max_length=1024,
    )


class Victim(Model):
    """A killed process, from the kernel log."""

    pid: int = Field(description="Process id on the node.")
    command: str = Field(
        description="The process's comm: 15 bytes of its program's name at most, not its command "
        "line. Unprintable characters are escaped.",
        max_length=256,
    )
    anon_rss: Quantity | None = Field(
        None, alias="anonRSS", description="Anonymous memory in RAM, in bytes (480Mi)."
    )
    file_rss: Quantity | None = Field(
        None, alias="fileRSS", description="Mapped files in RAM, in bytes (2Mi)."
    )
    shmem_rss: Quantity | None = Field(
        None, alias="shmemRSS", description="Shared memory and tmpfs in RAM, in bytes (16Mi)."
    )
    total_vm: Quantity | None = Field(
        None, alias="totalVM", description="Address space, in bytes (1Gi); says little of RAM."
    )
    page_tables: Quantity | None = Field(
        None, description="Page tables of the process, in bytes (1Mi)."
    )
    oom_score_adj: int | None = Field(
        None, description="oom_score_adj at the kill, -1000..1000, without a unit."
    )
    uid: int | None = Field(None, description="User id of the process on the node.")


class TimeSpan(Model):
    """The kill lies between; RFC 3339 with microseconds."""

    after: Timestamp | None = Field(
        None,
        description="The counters were read before the kill then (RFC 3339, UTC). Absent: nobody "
        "had read them before.",
    )
    before: Timestamp = Field(description="The kill was found then (RFC 3339, UTC).")


class PolicyReference(Model):
    """The policy that governed the container when it was killed."""

    kind: str = Field(description="OOMPolicy or ClusterOOMPolicy.", max_length=63)
    name: str = Field(description="Name of the policy.", max_length=253)


class Evidence(Model):
    """The range `start..end` of the kernel's own oom_kill counter that this record covers."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                "self.to > self.from",
                "evidence.to must be greater than evidence.from: a record covers a kill",
            )
        )
    )

    boot_id: str = Field(
        alias="bootID",
        description="The node's boot (/proc/sys/kernel/random/boot_id).",
        max_length=64,
    )
    cgroup: int = Field(description="Inode number of the cgroup directory that counted.")
    level: str = Field(
        description="Whose cgroup that is: Pod; QoS or Kubepods when the pod had gone unread.",
        json_schema_extra={"enum": ["Container", "Pod", "QoS", "Kubepods"]},
    )
    epoch: int = Field(
        0, description="How many times the counter was seen to fall; it starts anew after each."
    )
    start: int = Field(
        alias="from", description="The cgroup's oom_kill counter before the kills (a number)."
    )
    end: int = Field(
        alias="to",
        description="The cgroup's oom_kill counter after the kills (a number). The next record "
        "of the same bootID, cgroup and epoch begins here.",
    )
    sources: tuple[Annotated[str, Field(max_length=63)], ...] = Field(
        ("Counters",),
        description="What the record was made from: Counters (memory.events), KernelLog.",
        max_length=8,
    )


class OOMKill(Model):
    """The facts of the record, beside apiVersion, kind and metadata; unknown ones are absent."""

    node: str = Field(description="Name of the node.", max_length=253)
    pod: PodReference = Field(description="The pod whose container was killed.")
    container: ContainerReference = Field(
        description="The container, or the candidates when it is not known which it was."
    )
    cause: Cause = Field(
        description="Whose memory ran out: ContainerLimit, PodLimit, NodeAllocatable (all pods "
        "together), NodeOutOfMemory or Unknown."
    )
    limit: Quantity | None = Field(
        None, description="The limit that was hit, in bytes (512Mi). Absent: none or unknown."
    )
    enforced_at: str | None = Field(
        None,
        description="Pod, where the pod's cgroup enforced a container's limit because both are "
        "equal. Absent: the cause's own level did.",
        max_length=63,
    )
    kills: int = Field(
        ge=1,
        description="Number of incidents in this record: group kills, or kills of one process.",
    )
    group_kill: bool | None = Field(
        None,
        description="Whether the kernel killed the whole container (memory.oom.group). Absent: "
        "unknown.",
    )
    victims: tuple[Victim, ...] = Field(
        (),
        description="Killed processes with distinct pids, 16 at most. Absent: the kernel log did "
        "not tell.",
        max_length=16,
    )
    memory: Memory | None = Field(
        None,
        description="What was seen of the container's memory before the kill. Absent: nothing, as "
        "it lived too short, no agent ran, or it is not known which container it was.",
    )
    time: TimeSpan = Field(description="When: between these two.")
    policy: PolicyReference | None = Field(
        None, description="The policy that governed the container. Absent: none."
    )
    reduced_by: str | None = Field(
        None,
        description="Why the record was merged longer than usual and tells less of victims and "
        "memory: NamespaceFull or ClusterFull (too many OOMKills were written), NoOperator (nobody "
        "counts them). Absent: it was not.",
        max_length=63,
    )
    evidence: Evidence = Field(
        description="What anyone can check the record against: the range of the kernel's counter."
    )


class Response(Model):
    """What was done about the kill."""

    action: str = Field(
        description="RaisedLimit or None.", json_schema_extra={"enum": ["RaisedLimit", "None"]}
    )
    reason: str = Field(description="Why, in one CamelCase word for programs.", max_length=63)
    message: str = Field(description="Why, and what to do, in words for people.", max_length=1024)
    time: Timestamp = Field(description="When it was decided (RFC 3339, UTC).")
    limit_before: Quantity | None = Field(
        None, description="The container's memory limit before, in bytes (512Mi)."
    )
    limit: Quantity | None = Field(
        None, description="The memory limit that was asked for, in bytes (640Mi). Absent: none."
    )


class OOMKillStatus(Model):
    """Written by the operator; everything else of a record is a fact and stays."""

    response: Response | None = Field(
        None, description="What onOOM of the policy did. Absent: nothing was to be done."
    )
