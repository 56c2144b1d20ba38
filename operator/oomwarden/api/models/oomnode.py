"""OOMNode: what one node's agent applied, refused and counted, and its own health."""

from pydantic import Field

from oomwarden.api.models.base import Condition, Model, Quantity, Timestamp
from oomwarden.api.models.node.memory import MemoryInfo
from oomwarden.api.models.node.memory_outlook import ContainerPattern, NearMissSummary


class AgentInfo(Model):
    """The agent; silent if the heartbeat is older than 11 minutes."""

    version: str = Field(description="Version of the agent.")
    store_id: str = Field(
        alias="storeID",
        description=(
            "ID of the agent's database. A new ID means that the agent started with an empty "
            "database."
        ),
    )
    started: Timestamp = Field(description="When the agent started (RFC 3339, UTC).")
    heartbeat: Timestamp = Field(
        description=(
            "When the agent last wrote (RFC 3339, UTC); it is silent if that is more than 11 "
            "minutes ago."
        )
    )


class KernelInfo(Model):
    """The node's kernel and its cgroup layout."""

    release: str = Field(description="Kernel release (uname -r).")
    boot_id: str = Field(alias="bootID", description="The node's boot ID.")
    cgroup_driver: str = Field(description="systemd, cgroupfs, or empty if unknown.")
    nested: bool = Field(
        default=False, description="Whether the node is itself a container (kind)."
    )


class Applied(Model):
    """What oomwarden has set on the node now."""

    containers: int = Field(
        0,
        description=(
            "Number of containers with a score, a memory limit or a memory.oom.group set by "
            "oomwarden."
        ),
    )
    processes: int = Field(0, description="Number of processes with a score set by oomwarden.")


class Refusal(Model):
    """Why a policy is not (completely) in force on a container."""

    pod: str = Field(description="Name of the pod, as namespace/name.")
    container: str = Field(description="Name of the container.")
    reason: str = Field(description="The reason, as one CamelCase word for programs.")
    message: str = Field(description="The reason and the remedy, for people.")


class PolicyReport(Model):
    """One policy on this node; matched, enforced, observed and refused count containers."""

    kind: str = Field(description="OOMPolicy or ClusterOOMPolicy.")
    namespace: str | None = Field(
        None, description="Namespace of the policy. Absent: a ClusterOOMPolicy."
    )
    name: str = Field(description="Name of the policy.")
    observed_generation: int = Field(
        description="metadata.generation of the policy that the report is based on."
    )
    pods: int = Field(0, description="Number of this node's pods that the policy selects.")
    matched: int = Field(0, description="Number of containers that a rule matches.")
    enforced: int = Field(
        0, description="Number of containers on which everything it asks for is in force."
    )
    observed: int = Field(
        0, description="Number of containers that it would change (mode Observe)."
    )
    refused: int = Field(
        0,
        description="Number of containers on which the policy is not, or not completely, in force.",
    )
    warned: int = Field(0, description="Number of containers on which it may do harm.")
    refusals: tuple[Refusal, ...] = Field(
        (), description="Some of the refused containers, with the reason and the remedy."
    )
    warnings: tuple[Refusal, ...] = Field(
        (),
        description="Some of these containers, with the reason and the remedy.",
    )


class Resize(Model):
    """A memory limit for the operator to set, which the container does not have yet."""

    namespace: str = Field(description="Namespace of the pod.")
    pod: str = Field(description="Name of the pod.")
    uid: str = Field(description="UID of the pod.")
    container: str = Field(description="Name of the container.")
    limit: Quantity = Field(description="The requested memory limit, in bytes (512Mi).")
    policy: str = Field(description="The policy that asks for it: OOMPolicy shop/protect-db.")


class OutrankedService(Model):
    """A service of the node that is killed before containers because of policies' scores."""

    service: str = Field(description="Name of the systemd unit.")
    oom_score_adj: int = Field(description="Score of its process that would be killed first.")
    containers: int = Field(description="Number of containers that are killed after it.")
    pod: str = Field(description="Pod of one of these containers, as namespace/name.")
    container: str = Field(description="Name of that container.")


class KillCounts(Model):
    """Kills since the agent's database was created."""

    recorded: int = Field(0, description="Number of kills recorded in OOMKills.")
    unattributed: int = Field(
        0, description="Number of kills for which no pod was found; a group kill counts as one."
    )
    undeliverable: int = Field(
        0,
        description=(
            "Number of kills whose record could not be delivered: its namespace was deleted, or "
            "the API server refused it for too long."
        ),
    )
    before_start: int = Field(
        0, description="Number of kills before this agent's first start, which have no record."
    )
    host: int = Field(0, description="Number of kills of processes outside pods.")


class RankEndpoint(Model):
    """Where the agent ranks the processes that the kernel would kill (kubectl oom rank)."""

    namespace: str = Field(description="Namespace of the agent's pod.")
    pod: str = Field(description="Name of the agent's pod.")
    port: int = Field(
        description="TCP port on the loopback of the pod, for port-forwarding.",
        ge=1,
        le=65535,
    )
    certificate: str = Field(
        description=(
            "SHA-256 of the certificate that this agent serves there, as sha256:HEX. Clients "
            "accept no other one."
        )
    )


class OOMNodeStatus(Model):
    """Written only by the node's agent."""

    agent: AgentInfo = Field(description="The agent of this node.")
    conditions: tuple[Condition, ...] = Field(
        (),
        description=(
            "Ready, Kernel, CgroupV2, Capabilities, KernelLog, CgroupWrites, AgentMemory, "
            "Inotify, CgroupsReadable, Layout, Store, Delivery, PoliciesUnderstood, "
            "ObjectsUnderstood, Records, WithinBounds. The message of a False one is the remedy."
        ),
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
    kernel: KernelInfo = Field(description="The node's kernel and its cgroup layout.")
    memory: MemoryInfo = Field(MemoryInfo(), description="The node's memory.")
    applied: Applied = Field(Applied(), description="What oomwarden has set on the node now.")
    policies: tuple[PolicyReport, ...] = Field(
        (), description="The policies that select pods of this node, and what became of them here."
    )
    policies_left_out: int = Field(
        0,
        description=(
            "Number of policies that do not fit into policies, because the size of an object is "
            "limited."
        ),
    )
    resizes: tuple[Resize, ...] = Field(
        (), description="Memory limits for the operator to set; 50 at most.", max_length=50
    )
    resizes_waiting: int = Field(
        0, description="Number of memory limits to set that do not fit into resizes."
    )
    outranked: tuple[OutrankedService, ...] = Field(
        (),
        description=(
            "Services of the node that are killed before containers because of policies' scores, "
            "the first to die first; 20 at most."
        ),
        max_length=20,
    )
    outranked_left_out: int = Field(
        0, description="Number of such services that do not fit into outranked."
    )
    near_misses: NearMissSummary = Field(
        NearMissSummary(),
        description=(
            "Limits that were hit within the last hour without a kill, because the kernel could "
            "reclaim memory. As old as the heartbeat at most."
        ),
    )
    patterns: tuple[ContainerPattern, ...] = Field(
        (),
        description=(
            "What the memory of containers looks like over hours: probable leaks, the first to "
            "reach its limit first, and then containers near their limits; 20 at most. As old as "
            "the heartbeat at most."
        ),
        max_length=20,
    )
    patterns_left_out: int = Field(
        0, description="Number of such containers that do not fit into patterns."
    )
    kills: KillCounts = Field(
        KillCounts(), description="Numbers of kills since the agent's database was created."
    )
    rank: RankEndpoint | None = Field(
        None, description="Where the agent ranks processes; absent if it does not."
    )
