"""OOMNode: what one node's agent applied, refused, counted and found of its own health."""

from pydantic import Field

from oomwarden.api.base import Condition, Model, Quantity


class AgentInfo(Model):
    """The agent; silent when the heartbeat is older than 11 minutes. Times are RFC 3339."""

    version: str
    store_id: str = Field(alias="storeID")
    started: str
    heartbeat: str


class KernelInfo(Model):
    """The node's kernel and its cgroup layout."""

    release: str
    boot_id: str = Field(alias="bootID")
    cgroup_driver: str
    nested: bool = False


class MemoryInfo(Model):
    """The node's memory."""

    capacity: Quantity | None = None
    allocatable: Quantity | None = None
    available: Quantity | None = None


class Applied(Model):
    """What holds a value of ours now."""

    containers: int = 0
    processes: int = 0


class Refusal(Model):
    """Why a policy is not (wholly) in force on a container."""

    pod: str
    container: str
    reason: str
    message: str


class PolicyReport(Model):
    """One policy on this node; matched, enforced, observed and refused count containers."""

    kind: str
    namespace: str | None = None
    name: str
    observed_generation: int
    pods: int = 0
    matched: int = 0
    enforced: int = 0
    observed: int = 0
    refused: int = 0
    refusals: tuple[Refusal, ...] = ()


class KillCounts(Model):
    """Kills since the agent's store began."""

    recorded: int = 0
    unattributed: int = 0
    undeliverable: int = 0
    before_start: int = 0
    host: int = 0


class OOMNodeStatus(Model):
    """Written by the node's agent alone."""

    agent: AgentInfo
    conditions: tuple[Condition, ...] = ()
    kernel: KernelInfo
    memory: MemoryInfo = MemoryInfo()
    applied: Applied = Applied()
    policies: tuple[PolicyReport, ...] = ()
    kills: KillCounts = KillCounts()
