"""OOMNode: what one node's agent applied, refused, counted and found of its own health."""

from pydantic import Field

from oomwarden.api.base import Condition, Model, Quantity, Timestamp


class AgentInfo(Model):
    """The agent; silent when the heartbeat is older than 11 minutes. Times are RFC 3339."""

    version: str = Field(description="Version of the agent.")
    store_id: str = Field(
        alias="storeID",
        description="Id of the agent's database; another one means that it began anew.",
    )
    started: Timestamp = Field(description="When the agent started (RFC 3339, UTC).")
    heartbeat: Timestamp = Field(
        description="When the agent wrote last (RFC 3339, UTC); silent when older than 11 minutes."
    )


class KernelInfo(Model):
    """The node's kernel and its cgroup layout."""

    release: str = Field(description="Kernel release, as uname -r gives it.")
    boot_id: str = Field(alias="bootID", description="The node's boot.")
    cgroup_driver: str = Field(description="systemd, cgroupfs, or empty when unknown.")
    nested: bool = Field(
        default=False, description="Whether the node is itself a container (kind)."
    )


class MemoryInfo(Model):
    """The node's memory."""

    capacity: Quantity | None = Field(None, description="RAM of the node, in bytes (16Gi).")
    allocatable: Quantity | None = Field(
        None, description="RAM that pods may use together, in bytes (14Gi)."
    )
    available: Quantity | None = Field(
        None, description="MemAvailable of /proc/meminfo, in bytes (3Gi)."
    )


class Applied(Model):
    """What holds a value of ours now."""

    containers: int = Field(
        0,
        description="Number of containers with a score, a memory limit or a memory.oom.group of "
        "ours.",
    )
    processes: int = Field(0, description="Number of processes with a score of ours.")


class Refusal(Model):
    """Why a policy is not (wholly) in force on a container."""

    pod: str = Field(description="Name of the pod, as namespace/name.")
    container: str = Field(description="Name of the container.")
    reason: str = Field(description="Why, in one CamelCase word for programs.")
    message: str = Field(description="Why, and what to do, in words for people.")


class PolicyReport(Model):
    """One policy on this node; matched, enforced, observed and refused count containers."""

    kind: str = Field(description="OOMPolicy or ClusterOOMPolicy.")
    namespace: str | None = Field(
        None, description="Namespace of the policy. Absent: a ClusterOOMPolicy."
    )
    name: str = Field(description="Name of the policy.")
    observed_generation: int = Field(
        description="metadata.generation of the policy that these numbers are for."
    )
    pods: int = Field(0, description="Number of this node's pods that the policy selects.")
    matched: int = Field(0, description="Number of containers that a rule matches.")
    enforced: int = Field(
        0, description="Number of containers on which all that it asks is in force."
    )
    observed: int = Field(
        0, description="Number of containers that it would change (mode Observe)."
    )
    refused: int = Field(
        0, description="Number of containers on which the policy is not, or not wholly, in force."
    )
    warned: int = Field(
        0, description="Number of containers on which what is in force may do harm."
    )
    refusals: tuple[Refusal, ...] = Field(
        (), description="Some of the refused containers, with the reason and what to do."
    )
    warnings: tuple[Refusal, ...] = Field(
        (), description="What is in force, and may do harm; some of the containers."
    )


class Resize(Model):
    """A memory limit that a policy asks of the operator: the container does not have it yet."""

    namespace: str = Field(description="Namespace of the pod.")
    pod: str = Field(description="Name of the pod.")
    uid: str = Field(description="UID of the pod.")
    container: str = Field(description="Name of the container.")
    limit: Quantity = Field(description="The memory limit asked for, in bytes (512Mi).")
    policy: str = Field(description="The policy that asks: OOMPolicy shop/protect-db.")


class KillCounts(Model):
    """Kills since the agent's store began."""

    recorded: int = Field(0, description="Number of kills told in OOMKills.")
    unattributed: int = Field(
        0, description="Number of kills that no pod could be found for; a group kill is one."
    )
    undeliverable: int = Field(
        0,
        description="Number of kills whose record has no place any more: its namespace is gone, or "
        "it was refused for too long.",
    )
    before_start: int = Field(
        0, description="Number of kills before this agent's first start, which has no record."
    )
    host: int = Field(0, description="Number of kills of processes outside of pods.")


class OOMNodeStatus(Model):
    """Written by the node's agent alone."""

    agent: AgentInfo = Field(description="The agent of this node.")
    conditions: tuple[Condition, ...] = Field(
        (),
        description="Ready, Kernel, CgroupV2, Capabilities, KernelLog, CgroupWrites, "
        "AgentMemory, Inotify, CgroupsReadable, Layout, Store, Delivery, PoliciesUnderstood, "
        "ObjectsUnderstood, Records, WithinBounds: each that is False tells the remedy.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
    kernel: KernelInfo = Field(description="The node's kernel and its cgroup layout.")
    memory: MemoryInfo = Field(MemoryInfo(), description="The node's memory.")
    applied: Applied = Field(Applied(), description="What holds a value of ours now.")
    policies: tuple[PolicyReport, ...] = Field(
        (), description="Each policy that selects pods of this node, and what became of it here."
    )
    policies_left_out: int = Field(
        0, description="Number of policies that do not fit into policies: an object has bounds."
    )
    resizes: tuple[Resize, ...] = Field(
        (), description="Memory limits to be set by the operator; 50 at most.", max_length=50
    )
    resizes_waiting: int = Field(
        0, description="Number of memory limits to be set beyond those in resizes."
    )
    kills: KillCounts = Field(
        KillCounts(), description="Numbers of kills since the agent's database began."
    )
