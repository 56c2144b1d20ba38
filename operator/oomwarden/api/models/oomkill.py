"""OOMKill: one incident, or several merged; immutable."""

from typing import Annotated

from pydantic import Field

from oomwarden.api.models.base import (
    Extra,
    Model,
    Quantity,
    Text63,
    Text128,
    Text253,
    Text1024,
    Timestamp,
)
from oomwarden.api.models.evidence import ID, Evidence
from oomwarden.api.models.memory import Memory, MemoryParts
from oomwarden.api.models.victim import NumaReference, Victim
from oomwarden.api.vocabulary import MAX_CANDIDATES, Cause, ContainerType

_OBJECT_NAME: Extra = {"pattern": r"^[-a-z0-9.]+$"}
"""For names of nodes, pods and policies (DNS subdomains), which JSON never escapes to a longer
text."""
_ContainerName = Annotated[
    str,
    Field(max_length=63, json_schema_extra={"pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}),
]
"""A DNS label, as Kubernetes requires."""


class Owner(Model):
    """The pod's controller."""

    kind: Text253 = Field(description="Kind of the controller, such as Deployment.")
    name: Text253 = Field(description="Name of the controller.")


class PodReference(Model):
    """The pod that the killed container belonged to."""

    name: Text253 = Field(
        description="Name of the pod, in the record's namespace.", json_schema_extra=_OBJECT_NAME
    )
    uid: Text128 = Field(description="UID of the pod.", json_schema_extra=ID)
    owner: Owner | None = Field(
        None,
        description="The pod's controller, or the Deployment of its ReplicaSet. Absent: none.",
    )


class ContainerReference(Model):
    """The container, or the candidates if several exited before they could be distinguished."""

    name: Text63 | None = Field(None, description="Name of the container. Absent: unknown.")
    type: ContainerType | None = Field(
        None, description="App, Init, Sidecar or Ephemeral. Absent: unknown."
    )
    id: Text128 | None = Field(
        None, description="The runtime's id, 64 hexadecimal digits. Absent: unknown."
    )
    candidates: tuple[_ContainerName, ...] = Field(
        (),
        description=(
            "Names of the possible containers if it is not known which one was killed, 64 at most."
        ),
        max_length=MAX_CANDIDATES,
    )
    sub_cgroup: str | None = Field(
        None,
        description=(
            "The victim's cgroup below the container's own, if the container has created one: a "
            "build step, a systemd unit. Truncated to 256 characters. Absent: none, or unknown."
        ),
        max_length=256,
    )
    other_cgroup: str | None = Field(
        None,
        description=(
            "The victim's cgroup in the pod if it belongs to none of the pod's containers: the "
            "runtime's monitor (conmon), the pause container, or the pod's own cgroup. Absent: "
            "the victim was in a container."
        ),
        max_length=256,
    )


class TimeSpan(Model):
    """The kill happened between the two; RFC 3339 with microseconds."""

    after: Timestamp | None = Field(
        None,
        description=(
            "When the counters were last read before the kill (RFC 3339, UTC). Absent: they "
            "were not."
        ),
    )
    before: Timestamp = Field(description="When the kill was found (RFC 3339, UTC).")


class PolicyReference(Model):
    """The policy that governed the container when it was killed."""

    kind: str = Field(description="OOMPolicy or ClusterOOMPolicy.", max_length=63)
    name: str = Field(
        description="Name of the policy.", max_length=253, json_schema_extra=_OBJECT_NAME
    )


class OOMKill(Model):
    """The facts of the record, besides apiVersion, kind and metadata. Unknown ones are absent."""

    node: str = Field(
        description="Name of the node.", max_length=253, json_schema_extra=_OBJECT_NAME
    )
    pod: PodReference = Field(description="The pod whose container was killed.")
    container: ContainerReference = Field(
        description="The container, or the candidates if it is not known which one was killed."
    )
    cause: Cause = Field(
        description="Whose memory ran out: ContainerLimit, PodLimit, NodeAllocatable (all pods "
        "together), NodeOutOfMemory, NumaNodesOutOfMemory (those that a task may use) or Unknown."
    )
    limit: Quantity | None = Field(
        None, description="The limit that was hit, in bytes (512Mi). Absent: none or unknown."
    )
    enforced_at: str | None = Field(
        None,
        description=(
            "Pod if the pod's cgroup enforced the container's limit because both are equal. QoS "
            "if the cgroup of the pod's QoS class reached its limit (--qos-reserved). Absent: "
            "the level of the cause."
        ),
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
        description="Killed processes, with distinct PIDs, 16 at most. Absent: the kernel log has "
        "none.",
        max_length=16,
    )
    memory: Memory | None = Field(
        None,
        description=(
            "The container's memory before the kill. Absent: it was not observed, because the "
            "container was too short-lived, no agent ran, or it is not known which container "
            "was killed."
        ),
    )
    pod_memory: MemoryParts | None = Field(
        None,
        description=(
            "Memory charged to the pod as a whole right after the kill. Content of tmpfs "
            "(emptyDir with medium Memory, /dev/shm) remains when a container restarts. Absent: "
            "there is little of it, or it is not known."
        ),
    )
    numa: NumaReference | None = Field(
        None, description="Which NUMA nodes ran out of memory. Absent: the cause is another one."
    )
    time: TimeSpan = Field(description="When it happened: between these two times.")
    policy: PolicyReference | None = Field(
        None, description="The policy that governed the container. Absent: none."
    )
    reduced_by: str | None = Field(
        None,
        description=(
            "Why the record covers more kills than usual and has fewer details of victims and "
            "memory: NamespaceFull or ClusterFull (too many OOMKills were written), NoOperator "
            "(no operator counts them). Absent: it does not."
        ),
        max_length=63,
    )
    evidence: Evidence = Field(
        description="What the record can be verified against: the range of the kernel's counter."
    )


class Response(Model):
    """The response to the kill."""

    action: str = Field(
        description="RaisedLimit or None.", json_schema_extra={"enum": ["RaisedLimit", "None"]}
    )
    reason: str = Field(
        description="The reason, as one CamelCase word for programs.", max_length=63
    )
    message: Text1024 = Field(description="The reason and the remedy, for people.")
    time: Timestamp = Field(description="When the operator decided (RFC 3339, UTC).")
    limit_before: Quantity | None = Field(
        None, description="The container's memory limit before, in bytes (512Mi)."
    )
    limit: Quantity | None = Field(
        None, description="The new memory limit, in bytes (640Mi). Absent: none."
    )


class OOMKillStatus(Model):
    """Written by the operator. Everything else in a record is an immutable fact."""

    response: Response | None = Field(
        None, description="What onOOM of the policy did. Absent: there was nothing to do."
    )
