from dataclasses import dataclass, field

from oomwarden.core.ledger.account import CounterRange, Reading
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.ledger.log_evidence import LogEvidence
from oomwarden.core.ledger.unread_kills import unsettled_below
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level


@dataclass
class Kernel:
    """A model of the kernel: a kill is counted at the victim's cgroup and above."""

    ledger: Ledger = field(default_factory=Ledger)
    cgroups: dict[int, Cgroup] = field(default_factory=dict)
    parents: dict[int, int] = field(default_factory=dict)
    kills: dict[int, int] = field(default_factory=dict)
    known: set[int] = field(default_factory=set)
    ranges: list[CounterRange] = field(default_factory=list)
    victims: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.make(1, None, Level.KUBEPODS)
        self.make(2, 1, Level.QOS)

    def make(self, inode: int, parent: int | None, level: Level) -> None:
        self.cgroups[inode] = Cgroup(inode, f"/{inode}", level, str(inode))
        self.kills[inode] = 0
        if parent is not None:
            self.parents[inode] = parent

    def live(self, level: Level) -> list[int]:
        return [inode for inode, cgroup in self.cgroups.items() if cgroup.level is level]

    def kill(self, inode: int, count: int) -> None:
        self.victims[inode] = self.victims.get(inode, 0) + count
        level: int | None = inode
        while level is not None:
            self.kills[level] += count
            level = self.parents.get(level)

    def remove(self, inode: int) -> None:
        for child in [child for child, parent in self.parents.items() if parent == inode]:
            self.remove(child)
        self.cgroups.pop(inode)
        self.parents.pop(inode)

    def read(self) -> None:
        """Open new cgroups, read all of them, the parent first, and mark the gone ones."""
        gone = self.known - self.cgroups.keys()
        for inode, cgroup in self.cgroups.items():
            self.ledger.open(cgroup, self.parents.get(inode))
        for inode in self.cgroups:
            self.ledger.observe(Reading(inode, KillCounters(oom_kill=self.kills[inode])))
        self.ledger.prune()
        for inode in gone:
            self.ledger.mark_gone(inode)
        self.known = set(self.cgroups)

    def settle(self) -> None:
        accounts = list(self.ledger.accounts.values())
        for pod in (a.cgroup.inode for a in accounts if a.cgroup.level is Level.POD):
            self.ranges += self.ledger.settle_pod(pod)
        for inode in (2, 1):
            if inode in self.ledger.accounts and not unsettled_below(self.ledger, inode):
                self.ranges += self.ledger.settle_level(inode)


def total(ranges: list[CounterRange]) -> int:
    return sum(one.end - one.start for one in ranges)


def recorded_of(kernel: Kernel, inode: int) -> int:
    own = (b for b in kernel.ranges if b.container and b.container.inode == inode)
    return total(list(own))


def test_a_kill_is_recorded_once_for_its_container() -> None:
    kernel = Kernel()
    kernel.make(10, 2, Level.POD)
    kernel.make(11, 10, Level.CONTAINER)
    kernel.read()
    kernel.kill(11, 2)
    for _ in range(3):
        kernel.read()
        kernel.settle()
    (one,) = kernel.ranges
    assert (one.start, one.end, one.account.inode) == (0, 2, 10)
    assert one.container is not None
    assert one.container.inode == 11


def test_a_container_that_was_removed_unread_gets_its_pods_unrecorded_kills() -> None:
    kernel = Kernel()
    kernel.make(10, 2, Level.POD)
    kernel.make(11, 10, Level.CONTAINER)
    kernel.make(12, 10, Level.CONTAINER)
    kernel.read()
    kernel.kill(12, 1)
    kernel.kill(11, 1)
    kernel.remove(11)
    kernel.read()
    kernel.settle()
    assert (recorded_of(kernel, 11), recorded_of(kernel, 12), total(kernel.ranges)) == (1, 1, 2)


def test_all_containers_that_were_removed_unread_are_candidates() -> None:
    kernel = Kernel()
    kernel.make(10, 2, Level.POD)
    kernel.make(11, 10, Level.CONTAINER)
    kernel.make(12, 10, Level.CONTAINER)
    kernel.read()
    kernel.kill(11, 1)
    kernel.remove(11)
    kernel.remove(12)
    kernel.read()
    kernel.settle()
    (one,) = kernel.ranges
    assert one.container is None
    assert [candidate.inode for candidate in one.candidates] == [11, 12]


def test_kills_of_a_pod_that_was_removed_unread_are_recorded_at_its_qos_class() -> None:
    kernel = Kernel()
    kernel.make(10, 2, Level.POD)
    kernel.make(11, 10, Level.CONTAINER)
    kernel.read()
    kernel.kill(11, 1)
    kernel.remove(10)
    kernel.read()
    kernel.settle()
    (one,) = kernel.ranges
    assert (one.account.level, one.start, one.end) == (Level.QOS, 0, 1)
    assert one.pod is not None
    assert one.pod.inode == 10


def test_falling_counters_start_a_new_epoch() -> None:
    ledger = Ledger()
    pod = ledger.open(Cgroup(10, "/10", Level.POD), None)
    ledger.observe(Reading(10, KillCounters(oom_kill=5)))
    ledger.settle_pod(10)
    ledger.observe(Reading(10, KillCounters(oom_kill=1)))
    (one,) = ledger.settle_pod(10)
    assert (pod.epoch, one.epoch, one.start, one.end) == (1, 1, 0, 1)


def test_oom_without_a_kill_does_not_explain_a_later_kill() -> None:
    ledger = Ledger()
    ledger.open(Cgroup(10, "/10", Level.POD), None)
    ledger.observe(Reading(10, KillCounters(oom=3), KillCounters(oom=3)))
    ledger.discard_idle_oom()
    assert ledger.accounts[10].unrecorded.oom == 3  # its kill may be about to follow
    ledger.discard_idle_oom()
    assert ledger.accounts[10].unrecorded == KillCounters()


def test_oom_above_a_pod_is_used_up_by_the_kill_that_it_explains() -> None:
    ledger = Ledger()
    ledger.open(Cgroup(1, "/1", Level.KUBEPODS), None)
    ledger.open(Cgroup(10, "/1/10", Level.POD), 1)
    ledger.observe(Reading(1, KillCounters(oom=1, oom_kill=1), KillCounters(oom=1)))
    ledger.observe(Reading(10, KillCounters(oom_kill=1), KillCounters()))
    ledger.settle_pod(10)
    ledger.record_oom_above(10, kills=1)
    assert ledger.accounts[1].unrecorded == KillCounters()


def test_oom_is_kept_for_a_kill_that_is_not_counted_yet() -> None:
    ledger = Ledger()
    ledger.open(Cgroup(10, "/1/10", Level.POD), None)
    ledger.observe(Reading(10, KillCounters(oom=2, oom_kill=2, oom_group_kill=1)))
    assert len(ledger.settle_pod(10)) == 1
    assert ledger.accounts[10].unrecorded == KillCounters(oom=1)
    ledger.observe(Reading(10, KillCounters(oom=2, oom_kill=4, oom_group_kill=2)))
    assert ledger.accounts[10].unrecorded.oom == 1


def test_a_container_that_only_the_log_names_has_the_logs_id() -> None:
    ledger = Ledger()
    pod = Cgroup(10, "kubepods.slice/kubepods-podx.slice", Level.POD, "uid")
    ledger.open(pod, None)
    ledger.observe(Reading(10, KillCounters(oom_kill=1)))
    unseen = Cgroup(
        0, f"{pod.path}/cri-containerd-{'a' * 64}.scope", Level.CONTAINER, "uid", "a" * 64
    )
    (one,) = ledger.settle_pod(10, [LogEvidence(pod, unseen, 1, 1)])
    assert one.container == unseen


def test_the_gap_is_what_the_kernel_has_counted_and_no_record_covers() -> None:
    ledger = Ledger()
    ledger.open(Cgroup(1, "/1", Level.KUBEPODS), None)
    ledger.open(Cgroup(10, "/1/10", Level.POD), 1)
    assert ledger.unrecorded_kills() == 0
    ledger.observe(Reading(1, KillCounters(oom_kill=3)))
    ledger.observe(Reading(10, KillCounters(oom_kill=3)))
    assert ledger.unrecorded_kills() == 3
    ledger.settle_pod(10)
    assert ledger.unrecorded_kills() == 0
