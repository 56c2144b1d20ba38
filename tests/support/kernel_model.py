"""A model of the kernel's counters and of an agent that reads them, as the ledger's oracle."""

from dataclasses import dataclass, field

from oomwarden.core.incidents.range_log import log_of_range
from oomwarden.core.kernel_log.kills import LogKill
from oomwarden.core.kernel_log.lines import Constraint, Killed
from oomwarden.core.ledger.account import CounterRange, Reading
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.ledger.log_evidence import evidence_below
from oomwarden.core.ledger.unread_kills import unsettled_below
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level
from oomwarden.core.parse.cgroup_paths import pod_uid

TOP, QOS = 1, 2
_QOS_PATH = "kubepods.slice/kubepods-burstable.slice"
_UID = "0a1b2c3d_1111_2222_3333_4444{:08x}"


def _path(inode: int, parent: str, level: Level) -> str:
    if level is Level.POD:
        return f"{parent}/kubepods-burstable-pod{_UID.format(inode)}.slice"
    return f"{parent}/cri-containerd-{inode:064x}.scope"


@dataclass
class KernelModel:
    """Counts kills at the victim's cgroup and above, and forgets removed cgroups."""

    logs: bool = True
    cgroups: dict[int, Cgroup] = field(default_factory=dict)
    parents: dict[int, int] = field(default_factory=dict)
    kills: dict[int, int] = field(default_factory=dict)
    groups: dict[int, int] = field(default_factory=dict)
    victims: dict[str, int] = field(default_factory=dict)
    log: list[LogKill] = field(default_factory=list)
    made: list[tuple[Cgroup, int | None]] = field(default_factory=list)
    _pid: int = 0

    def __post_init__(self) -> None:
        self.cgroups[TOP] = Cgroup(TOP, "kubepods.slice", Level.KUBEPODS)
        self.cgroups[QOS] = Cgroup(QOS, _QOS_PATH, Level.QOS)
        self.parents[QOS] = TOP
        self.kills = {TOP: 0, QOS: 0}
        self.made = [(self.cgroups[TOP], None), (self.cgroups[QOS], TOP)]

    def make(self, parent: int, level: Level) -> int:
        inode = max(self.kills) + 1
        path = _path(inode, self.cgroups[parent].path, level)
        uid = pod_uid(path.rsplit("/", 1)[-1]) or self.cgroups[parent].pod_uid
        container = f"{inode:064x}" if level is Level.CONTAINER else None
        self.cgroups[inode] = Cgroup(inode, path, level, uid, container)
        self.parents[inode], self.kills[inode] = parent, 0
        self.made.append((self.cgroups[inode], parent))
        return inode

    def events(self, inode: int) -> KillCounters:
        groups = self.groups.get(inode, 0)
        return KillCounters(oom_kill=self.kills[inode], oom_group_kill=groups)

    def live(self, level: Level) -> list[int]:
        return [inode for inode, cgroup in self.cgroups.items() if cgroup.level is level]

    def kill(self, inode: int, victims: int, *, group: bool = False, twice: bool = True) -> None:
        """Kill `victims` processes; `twice` lets a group kill count its first victim twice."""
        path, count = self.cgroups[inode].path, victims + (group and twice)
        self.victims[path] = self.victims.get(path, 0) + count
        for decision in [victims] if group else [1] * victims:
            pids = range(self._pid, self._pid + decision)
            self._pid += decision
            dead = tuple(Killed(1.0, pid, b"hog", 0, 0, 0, 0, 0, 0, 0) for pid in pids)
            self.log.append(LogKill(dead, None, f"/{path}") if group else _single(dead, path))
        level: int | None = inode
        while level is not None:
            self.kills[level] += count
            self.groups[level] = self.groups.get(level, 0) + group
            level = self.parents.get(level)

    def remove(self, inode: int) -> None:
        for child in [child for child, parent in self.parents.items() if parent == inode]:
            self.remove(child)
        self.cgroups.pop(inode)
        self.parents.pop(inode)


def _single(dead: tuple[Killed, ...], path: str) -> LogKill:
    return LogKill(dead, Constraint(1.0, f"/{path}", f"/{path}", dead[0].pid))


@dataclass
class AgentModel:
    """Reads the model as the detector does, settles as the recorder does, and may crash."""

    kernel: KernelModel
    ledger: Ledger = field(default_factory=Ledger)
    ranges: list[CounterRange] = field(default_factory=list)
    blind: set[int] = field(default_factory=set)
    _log_position: int = 0
    _unclaimed: list[LogKill] = field(default_factory=list)

    def read(self, *, torn: int | None = None) -> None:
        """Wake up once: follow new cgroups, read parents first, and note removed cgroups.

        `torn` is a container that is killed after its pod was read and before it is read itself.
        """
        ledger, kernel = self.ledger, self.kernel
        for cgroup, parent in kernel.made:
            ledger.open(cgroup, parent)
        kernel.made.clear()
        here = dict(kernel.cgroups)
        order = sorted(here, key=lambda inode: here[inode].path.count("/"))
        for inode in order:
            if here[inode].level is Level.CONTAINER and torn in kernel.cgroups:
                kernel.kill(torn, 1)
                torn = None
            ledger.observe(Reading(inode, kernel.events(inode)))
        ledger.prune()
        for inode in ledger.accounts.keys() - here.keys():
            ledger.mark_gone(inode)
        if not any(account.unrecorded.oom_kill > 0 for account in ledger.accounts.values()):
            self.blind.clear()

    def settle(self) -> None:
        kernel, ledger = self.kernel, self.ledger
        if kernel.logs:
            self._unclaimed += kernel.log[self._log_position :]
        self._log_position = len(kernel.log)
        for inode in [i for i, a in ledger.accounts.items() if a.cgroup.level is Level.POD]:
            seen = evidence_below(ledger.accounts[inode].cgroup, self._unclaimed)
            self._record(ledger.settle_pod(inode, seen, complete=inode not in self.blind))
        for inode in (QOS, TOP):
            if inode in ledger.accounts and not unsettled_below(ledger, inode):
                seen = evidence_below(ledger.accounts[inode].cgroup, self._unclaimed)
                self._record(ledger.settle_level(inode, seen, complete=inode not in self.blind))

    def _record(self, ranges: list[CounterRange]) -> None:
        self.ranges += ranges
        for counter_range in ranges:
            place = counter_range.container or counter_range.pod
            own = log_of_range(counter_range, self._unclaimed) if place else []
            self._unclaimed = [kill for kill in self._unclaimed if kill not in own]

    def crash(self) -> None:
        """Restart with only what was recorded; the next read continues from that."""
        saved = list(self.ledger.accounts.values())
        self.ledger = Ledger()
        self.kernel.made.clear()
        for inode, cgroup in self.kernel.cgroups.items():
            known = next((a.recorded for a in saved if a.cgroup == cgroup), None)
            self.ledger.open(cgroup, self.kernel.parents.get(inode), known)
        for account in saved:
            if account.cgroup.inode not in self.ledger.accounts:
                self.ledger.open(account.cgroup, account.parent, account.recorded)
                self.ledger.mark_gone(account.cgroup.inode)
        for inode in self.kernel.cgroups:
            self.ledger.observe(Reading(inode, self.kernel.events(inode)))
        accounts = self.ledger.accounts.items()
        self.blind = {inode for inode, account in accounts if account.unrecorded.oom_kill > 0}

    def recorded(self) -> int:
        return sum(counter_range.end - counter_range.start for counter_range in self.ranges)

    def recorded_for(self, path: str) -> int:
        own = [b for b in self.ranges if b.container and b.container.path == path]
        return sum(counter_range.end - counter_range.start for counter_range in own)
