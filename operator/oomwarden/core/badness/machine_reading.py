"""What was read of a machine's processes and memory at one time, to be ranked."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from oomwarden.core.badness.ranking import Candidate
from oomwarden.core.badness.score_origin import ScoreFacts


class MachineTotals(Struct, frozen=True):
    """The machine, in bytes.

    Attributes:
        available: MemAvailable; None if it is unknown.
        swappiness: vm.swappiness.
    """

    ram: int
    swap: int
    available: int | None
    swappiness: int
    page_size: int


class CgroupMemory(Struct, frozen=True):
    """The memory of a cgroup, in bytes.

    Attributes:
        limit: memory.max; None for none.
        swap_limit: memory.swap.max; None for none.
        usage: memory.current.
        is_group_kill: memory.oom.group: all of its processes are killed together.
    """

    limit: int | None
    swap_limit: int | None
    usage: int | None
    is_group_kill: bool = False


class RankedContainer(Struct, frozen=True):
    """A container whose processes are candidates.

    Attributes:
        namespace: Of its pod; None if the pod is not known yet.
        name: None if it is not known; `pause` for the sandbox.
        pod_path: Path of its pod's cgroup.
        memory: None if it is gone.
        facts: What is known of its scores.
    """

    namespace: str | None
    pod: str | None
    name: str | None
    pod_path: str
    memory: CgroupMemory | None
    facts: ScoreFacts

    @property
    def owner(self) -> dict[str, str]:
        """The pod and the container, as far as they are known."""
        named = {"namespace": self.namespace, "pod": self.pod, "container": self.name}
        return {key: value for key, value in named.items() if value is not None}


class MachineReading(Struct, frozen=True):
    """All that was read at one time.

    Attributes:
        candidates: The processes that have memory.
        unread: How many processes could not be read in time.
        containers: The containers; candidates refer to them by index.
        pods: The memory of the pods, by the path of their cgroups.
        is_nested: The node is itself a container: others of the machine are not visible.
    """

    node: str
    time: str
    machine: MachineTotals
    candidates: Sequence[Candidate]
    unread: int
    containers: Sequence[RankedContainer]
    pods: Mapping[str, CgroupMemory]
    is_nested: bool
