"""The kernel's counters and log, and the API server, as a test plays them for one agent."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from oomwarden.core.ledger.account import Reading
from oomwarden.core.ledger.rebuild import RecordedKills
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level
from oomwarden.kube.oomkill_writer import Delivery
from oomwarden.kube.transport.errors import WriteOutcome, WriteResult

from tests.support.log_lines import Ring

TOP, QOS = 1, 2
RING_BYTES = 1 << 16
_QOS_PATH = "kubepods.slice/kubepods-burstable.slice"
MI = 1 << 20


@dataclass
class PlayedApi:
    """Counts what the agent writes; `answer` may refuse an object."""

    kills: Counter[str] = field(default_factory=Counter)
    """Killed processes by pod; a name that was posted twice counts once."""
    posts: int = 0
    statuses: int = 0
    answer: Callable[[object], Delivery | None] = lambda _: None
    names: set[str] = field(default_factory=set)

    async def deliver(self, _client: object, what: Any) -> Delivery:  # noqa: ANN401 - two kinds
        self.posts += 1
        if refused := self.answer(what):
            return refused
        if isinstance(what, dict) and what["metadata"]["name"] not in self.names:
            self.names.add(what["metadata"]["name"])
            evidence = what["evidence"]
            self.kills[what["pod"]["uid"]] += evidence["to"] - evidence["from"]
        return Delivery()

    async def post_own(self, _client: object, _event: object) -> WriteResult:
        return WriteResult(WriteOutcome.DONE, "")

    async def write_status(self, *_: object) -> None:
        self.statuses += 1

    async def recorded(self, *_: object) -> RecordedKills:
        return RecordedKills()

    async def memory(self, *_: object) -> tuple[None, None]:
        return None, None


@dataclass
class PlayedKernel:
    """Counters by inode, counted at every level as the kernel does, and the kernel log."""

    cgroups: dict[int, Cgroup] = field(default_factory=dict)
    parents: dict[int, int] = field(default_factory=dict)
    kills: Counter[int] = field(default_factory=Counter)
    truth: Counter[str] = field(default_factory=Counter)
    """Counted kills by pod."""
    ring: Ring = field(default_factory=Ring)
    _inode: int = 100
    _pid: int = 1000

    def __post_init__(self) -> None:
        self.cgroups[TOP] = Cgroup(TOP, "kubepods.slice", Level.KUBEPODS)
        self.cgroups[QOS] = Cgroup(QOS, _QOS_PATH, Level.QOS)
        self.parents[QOS] = TOP

    def make(self, parent: int, level: Level, uid: str) -> Cgroup:
        self._inode += 1
        name = f"kubepods-burstable-pod{uid.replace('-', '_')}.slice"
        found = f"{self._inode:064x}" if level is Level.CONTAINER else None
        leaf = f"cri-containerd-{found}.scope" if found else name
        cgroup = Cgroup(self._inode, f"{self.cgroups[parent].path}/{leaf}", level, uid, found)
        self.cgroups[self._inode], self.parents[self._inode] = cgroup, parent
        return cgroup

    def kill(self, cgroup: Cgroup, now: float, *, logged: bool = True) -> None:
        self._pid += 1
        level: int | None = cgroup.inode
        while level is not None:
            self.kills[level] += 1
            level = self.parents.get(level)
        self.truth[cgroup.pod_uid or ""] += 1
        if logged:
            self.ring.now = now
            self.ring.constraint(self._pid, b"hog", f"/{cgroup.path}", f"/{cgroup.path}")
            self.ring.killed(self._pid, b"hog")
            self.ring.text = self.ring.text[-RING_BYTES:]

    def reading(self, inode: int) -> Reading:
        count = self.kills[inode]
        counters = KillCounters(count, 0, count, 0)
        return Reading(inode, counters, KillCounters(), 64 * MI)

    def remove(self, cgroup: Cgroup) -> None:
        del self.cgroups[cgroup.inode], self.parents[cgroup.inode], self.kills[cgroup.inode]
