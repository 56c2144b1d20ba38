from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.ledger.account import Account, KillCounters, Reading
from oomwarden.core.ledger.late_opening import adopt
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.model.cgroup import Cgroup, Level, MemoryEvents

QOS, POD, OTHER, FIRST, SECOND = range(1, 6)
UID = "0a1b2c3d-1111-2222-3333-44445555666{}"


def events(kills: int, groups: int = 0) -> MemoryEvents:
    return MemoryEvents(oom=kills, oom_kill=kills, oom_group_kill=groups)


def node(level: int, told: int, pod: int, *containers: int, other: int = 0) -> Ledger:
    """The class counted `level`, of which `told` are in records; a pod of it was opened late."""
    ledger = Ledger()
    ledger.open(Cgroup(QOS, "q", Level.QOS), None, KillCounters(told))
    ledger.open(Cgroup(OTHER, "q/o", Level.POD, UID.format(2)), QOS)
    ledger.open(Cgroup(POD, "q/p", Level.POD, UID.format(1)), QOS)
    ledger.read(Reading(QOS, events(level)))
    ledger.read(Reading(OTHER, events(other)))
    ledger.read(Reading(POD, events(pod)))
    for inode, kills in zip((FIRST, SECOND), containers, strict=False):
        ledger.open(Cgroup(inode, f"q/p/{inode}", Level.CONTAINER, UID.format(1)), POD)
        ledger.read(Reading(inode, events(kills)))
    adopt(ledger, POD)
    return ledger


def owed(ledger: Ledger, inode: int) -> int:
    return ledger.accounts[inode].unrecorded.oom_kill


def test_what_was_told_above_is_owed_by_nobody_below() -> None:
    ledger = node(2, 2, 2, 2)
    assert (owed(ledger, POD), owed(ledger, FIRST)) == (0, 0)
    assert ledger.accounts[POD].recorded.oom_kill == 2, "the next range begins there"


def test_what_was_not_told_is_owed_by_the_pod_and_its_container() -> None:
    ledger = node(3, 0, 3, 1, 2)
    assert (owed(ledger, POD), owed(ledger, FIRST), owed(ledger, SECOND)) == (3, 1, 2)


def test_a_part_that_only_one_container_can_owe_is_its_own() -> None:
    ledger = node(3, 2, 3, 3)
    assert (owed(ledger, POD), owed(ledger, FIRST)) == (1, 1)


def test_a_part_that_several_may_owe_is_nobodys_in_particular() -> None:
    ledger = node(3, 2, 3, 1, 2)
    assert (owed(ledger, POD), owed(ledger, FIRST), owed(ledger, SECOND)) == (1, 0, 0)


def test_what_another_pod_owes_is_not_owed_twice() -> None:
    assert owed(node(4, 2, 2, other=2), POD) == 0


def test_a_cgroup_without_one_above_it_is_left_alone() -> None:
    ledger = Ledger({QOS: Account(Cgroup(QOS, "q", Level.QOS), None)})
    adopt(ledger, QOS)
    adopt(ledger, POD)
    assert owed(ledger, QOS) == 0


FEW = st.integers(0, 9)


@given(FEW, FEW, FEW, FEW, FEW)
def test_children_never_owe_more_than_the_cgroup_above(
    told: int, first: int, second: int, other: int, gone: int
) -> None:
    pod = first + second + gone
    ledger = node(pod + other, min(told, pod + other), pod, first, second, other=other)
    assert 0 <= owed(ledger, POD) <= max(owed(ledger, QOS) - other, 0)
    assert 0 <= owed(ledger, FIRST) + owed(ledger, SECOND) <= owed(ledger, POD)
