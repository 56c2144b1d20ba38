from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.ledger.account import Account, Reading
from oomwarden.core.ledger.late_opening import limit_to_parent
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level

QOS, POD, OTHER, FIRST, SECOND = range(1, 6)
UID = "0a1b2c3d-1111-2222-3333-44445555666{}"


def events(kills: int, groups: int = 0) -> KillCounters:
    return KillCounters(oom=kills, oom_kill=kills, oom_group_kill=groups)


def node(level: int, recorded: int, pod: int, *containers: int, other: int = 0) -> Ledger:
    """The QoS class counted `level` kills, of which `recorded` are recorded; POD opens late."""
    ledger = Ledger()
    ledger.open(Cgroup(QOS, "q", Level.QOS), None, KillCounters(recorded))
    ledger.open(Cgroup(OTHER, "q/o", Level.POD, UID.format(2)), QOS)
    ledger.open(Cgroup(POD, "q/p", Level.POD, UID.format(1)), QOS)
    ledger.observe(Reading(QOS, events(level)))
    ledger.observe(Reading(OTHER, events(other)))
    ledger.observe(Reading(POD, events(pod)))
    for inode, kills in zip((FIRST, SECOND), containers, strict=False):
        ledger.open(Cgroup(inode, f"q/p/{inode}", Level.CONTAINER, UID.format(1)), POD)
        ledger.observe(Reading(inode, events(kills)))
    limit_to_parent(ledger, POD)
    return ledger


def unrecorded(ledger: Ledger, inode: int) -> int:
    return ledger.accounts[inode].unrecorded.oom_kill


def test_kills_recorded_above_are_not_unrecorded_below() -> None:
    ledger = node(2, 2, 2, 2)
    assert (unrecorded(ledger, POD), unrecorded(ledger, FIRST)) == (0, 0)
    assert ledger.accounts[POD].recorded.oom_kill == 2, "the next range begins there"


def test_kills_not_recorded_above_stay_unrecorded_in_the_pod_and_its_container() -> None:
    ledger = node(3, 0, 3, 1, 2)
    assert (unrecorded(ledger, POD), unrecorded(ledger, FIRST), unrecorded(ledger, SECOND)) == (
        3,
        1,
        2,
    )


def test_the_rest_belongs_to_the_only_container_that_can_have_it() -> None:
    ledger = node(3, 2, 3, 3)
    assert (unrecorded(ledger, POD), unrecorded(ledger, FIRST)) == (1, 1)


def test_the_rest_belongs_to_no_container_if_several_can_have_it() -> None:
    ledger = node(3, 2, 3, 1, 2)
    assert (unrecorded(ledger, POD), unrecorded(ledger, FIRST), unrecorded(ledger, SECOND)) == (
        1,
        0,
        0,
    )


def test_unrecorded_kills_of_another_pod_do_not_count_twice() -> None:
    assert unrecorded(node(4, 2, 2, other=2), POD) == 0


def test_a_cgroup_without_a_parent_is_unchanged() -> None:
    ledger = Ledger({QOS: Account(Cgroup(QOS, "q", Level.QOS), None)})
    limit_to_parent(ledger, QOS)
    limit_to_parent(ledger, POD)
    assert unrecorded(ledger, QOS) == 0


FEW = st.integers(0, 9)


@given(FEW, FEW, FEW, FEW, FEW)
def test_children_never_have_more_unrecorded_kills_than_their_parent(
    recorded: int, first: int, second: int, other: int, gone: int
) -> None:
    pod = first + second + gone
    ledger = node(pod + other, min(recorded, pod + other), pod, first, second, other=other)
    assert 0 <= unrecorded(ledger, POD) <= max(unrecorded(ledger, QOS) - other, 0)
    assert 0 <= unrecorded(ledger, FIRST) + unrecorded(ledger, SECOND) <= unrecorded(ledger, POD)
