"""Containers that went in the middle of a group kill: each kill is one."""

import pytest
from oomwarden.core.accounts import Reading
from oomwarden.core.facts import Cgroup, Level, MemoryEvents
from oomwarden.core.ledger import Ledger


def test_a_group_kill_that_was_read_by_half_before_its_container_went_is_one() -> None:
    ledger = Ledger()
    pod = Cgroup(10, "kubepods/pod", Level.POD, "uid")
    ledger.open(pod, None)
    for inode in (11, 12):
        ledger.open(Cgroup(inode, f"kubepods/pod/{inode}", Level.CONTAINER, "uid"), 10)
    ledger.read(Reading(10, MemoryEvents(oom=2, oom_kill=4, oom_group_kill=2)))
    ledger.read(Reading(11, MemoryEvents(oom=1, oom_kill=2, oom_group_kill=1)))
    ledger.read(Reading(12, MemoryEvents(oom=1, oom_kill=1, oom_group_kill=0)))
    ledger.vanish(11)
    ledger.vanish(12)
    told = ledger.settle_pod(10)
    found = [(b.container and b.container.inode, b.end - b.start, b.group_kills) for b in told]
    assert found == [(11, 2, 1), (12, 2, 1)]


@pytest.mark.parametrize("kills", [1, 2])
def test_group_kills_read_by_half_and_not_at_all_are_as_many_as_there_were(kills: int) -> None:
    """Containers 11 and 12 were read whole and by half (before or after the group's count)."""
    for groups in (0, 1):
        ledger = Ledger()
        ledger.open(Cgroup(10, "kubepods/pod", Level.POD, "uid"), None)
        for inode in (11, 12, 13, 14):
            ledger.open(Cgroup(inode, f"kubepods/pod/{inode}", Level.CONTAINER, "uid"), 10)
        # Two more went unread; the half one's victim was counted once more, or was gone by then.
        ledger.read(Reading(10, MemoryEvents(oom=4, oom_kill=6 + kills, oom_group_kill=4)))
        ledger.read(Reading(11, MemoryEvents(oom=1, oom_kill=2, oom_group_kill=1)))
        ledger.read(Reading(12, MemoryEvents(oom=1, oom_kill=1, oom_group_kill=groups)))
        for inode in (11, 12, 13, 14):
            ledger.vanish(inode)
        told = ledger.settle_pod(10)
        found = [(b.container and b.container.inode, b.end - b.start, b.group_kills) for b in told]
        assert found == [(11, 2, 1), (12, kills, 1), (None, 4, 2)]


def test_a_half_read_group_kill_takes_its_other_half_where_nothing_else_went_unread() -> None:
    ledger = Ledger()
    ledger.open(Cgroup(10, "kubepods/pod", Level.POD, "uid"), None)
    for inode in (11, 12):
        ledger.open(Cgroup(inode, f"kubepods/pod/{inode}", Level.CONTAINER, "uid"), 10)
    ledger.read(Reading(10, MemoryEvents(oom=2, oom_kill=4, oom_group_kill=2)))
    ledger.read(Reading(11, MemoryEvents(oom=1, oom_kill=2, oom_group_kill=1)))
    ledger.read(Reading(12, MemoryEvents(oom=1, oom_kill=1, oom_group_kill=1)))
    ledger.vanish(11)
    ledger.vanish(12)
    told = ledger.settle_pod(10)
    found = [(b.container and b.container.inode, b.end - b.start, b.group_kills) for b in told]
    assert found == [(11, 2, 1), (12, 2, 1)]


def test_a_single_kill_that_was_read_takes_nothing_of_an_unread_group_kill() -> None:
    ledger = Ledger()
    ledger.open(Cgroup(10, "kubepods/pod", Level.POD, "uid"), None)
    for inode in (11, 12):
        ledger.open(Cgroup(inode, f"kubepods/pod/{inode}", Level.CONTAINER, "uid"), 10)
    ledger.read(Reading(10, MemoryEvents(oom=2, oom_kill=4, oom_group_kill=1)))
    ledger.read(Reading(11, MemoryEvents(oom=1, oom_kill=1, oom_group_kill=0)))
    ledger.vanish(11)
    ledger.vanish(12)
    told = ledger.settle_pod(10)
    found = [(b.container and b.container.inode, b.end - b.start, b.group_kills) for b in told]
    assert found == [(11, 1, 0), (None, 3, 1)]
