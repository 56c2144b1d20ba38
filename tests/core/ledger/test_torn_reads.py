"""Containers that were removed in the middle of a group kill: each kill is recorded once."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oomwarden.core.ledger.account import Reading
from oomwarden.core.ledger.attribution import count_incidents
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.ledger.log_evidence import LogEvidence
from oomwarden.core.ledger.torn_reads import is_half_counted
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level


def pod_and(*read: KillCounters, counted: KillCounters) -> Ledger:
    """One pod, inode 10, and containers that are gone, from 11 on."""
    ledger = Ledger()
    ledger.open(Cgroup(10, "kubepods/pod", Level.POD, "uid"), None)
    ledger.observe(Reading(10, counted))
    for inode, events in enumerate(read, 11):
        ledger.open(Cgroup(inode, f"kubepods/pod/{inode}", Level.CONTAINER, "uid"), 10)
        ledger.observe(Reading(inode, events))
        ledger.mark_gone(inode)
    return ledger


def settled(ledger: Ledger) -> list[tuple[int | None, int, int]]:
    """Settle the pod; return the container, the increments and the group kills of each range."""
    ranges = ledger.settle_pod(10)
    return [
        (b.container.inode if b.container else None, b.end - b.start, b.group_kills) for b in ranges
    ]


def waits(ledger: Ledger) -> bool:
    return is_half_counted(ledger.accounts[10], ledger.children(10))


WHOLE = KillCounters(oom=1, oom_kill=2, oom_group_kill=1)
FIRST = KillCounters(oom=1, oom_kill=1, oom_group_kill=0)
HALF = KillCounters(oom=1, oom_kill=1, oom_group_kill=1)
UNREAD = KillCounters(oom_kill=0, oom_group_kill=0)


@pytest.mark.parametrize("read", [FIRST, HALF])
def test_a_torn_group_kill_gets_its_other_half_if_nothing_else_is_unread(
    read: KillCounters,
) -> None:
    ledger = pod_and(WHOLE, read, counted=KillCounters(oom=2, oom_kill=4, oom_group_kill=2))
    assert settled(ledger) == [(11, 2, 1), (12, 2, 1)]


@pytest.mark.parametrize("kills", [1, 2])
@pytest.mark.parametrize("read", [FIRST, HALF])
def test_torn_and_unread_group_kills_are_counted_once_each(read: KillCounters, kills: int) -> None:
    """The victim of the torn one was counted again, or its memory was gone by then."""
    counted = KillCounters(oom=4, oom_kill=6 + kills, oom_group_kill=4)
    ledger = pod_and(WHOLE, read, UNREAD, UNREAD, counted=counted)
    assert settled(ledger) == [(11, 2, 1), (12, kills, 1), (None, 4, 2)]


def test_a_single_kill_that_was_read_gets_nothing_of_an_unread_group_kill() -> None:
    ledger = pod_and(FIRST, UNREAD, counted=KillCounters(oom=2, oom_kill=4, oom_group_kill=1))
    assert settled(ledger) == [(11, 1, 0), (None, 3, 1)]


@pytest.mark.parametrize("read", [FIRST, UNREAD])
def test_a_gone_container_with_one_increment_of_its_group_kill_waits_for_the_others(
    read: KillCounters,
) -> None:
    assert waits(pod_and(read, counted=FIRST))
    assert waits(pod_and(WHOLE, read, counted=KillCounters(oom=3, oom_kill=3, oom_group_kill=1)))
    assert not waits(pod_and(read, counted=WHOLE))
    assert not waits(
        pod_and(WHOLE, read, counted=KillCounters(oom=4, oom_kill=4, oom_group_kill=2))
    )


STEPS = [(0, 0), (1, 0), (1, 1), (2, 1)]
"""What a container shows of one group kill of one process, as the kernel counts it."""


@dataclass(frozen=True)
class Victim:
    """A container that is killed once, what was read of it, and whether the log names it."""

    known: bool
    step: int
    gone: bool
    logged: bool
    later: bool


victims = st.builds(
    Victim, st.booleans(), st.sampled_from(range(4)), st.booleans(), st.booleans(), st.booleans()
)


def test_the_log_names_the_container_of_victims_that_only_the_pod_counted() -> None:
    """The pod ends with its container, so its pause container is gone too."""
    two_of_three = KillCounters(oom=1, oom_kill=2, oom_group_kill=1)
    counted = KillCounters(oom=1, oom_kill=3, oom_group_kill=1)
    ledger = pod_and(two_of_three, UNREAD, counted=counted)
    pod, container = ledger.accounts[10].cgroup, ledger.accounts[11].cgroup
    ranges = ledger.settle_pod(10, [LogEvidence(pod, container, 3, 4)])
    assert [(b.container, b.end - b.start, b.group_kills) for b in ranges] == [(container, 3, 1)]


@settings(max_examples=500, deadline=None)
@given(st.lists(victims, min_size=1, max_size=6))
def test_whatever_was_read_each_group_kill_is_recorded_once(killed: list[Victim]) -> None:
    ledger, recorded, log = Ledger(), 0, list[LogEvidence]()
    pod = Cgroup(10, "kubepods/pod", Level.POD, "uid")
    ledger.open(pod, None)
    for inode, one in enumerate(killed, 11):
        if one.known:
            ledger.open(Cgroup(inode, f"{pod.path}/{inode}", Level.CONTAINER, "uid"), 10)
    for later in (False, True):
        now = {inode: one for inode, one in enumerate(killed, 11) if one.later == later}
        so_far = sum(one.later <= later for one in killed)
        ledger.observe(Reading(10, KillCounters(oom_kill=2 * so_far, oom_group_kill=so_far)))
        for inode, one in now.items():
            kills, groups = STEPS[one.step]
            if one.known and one.step:
                ledger.observe(Reading(inode, KillCounters(oom_kill=kills, oom_group_kill=groups)))
            if one.logged:
                place = Cgroup(0, f"{pod.path}/{inode}", Level.CONTAINER, "uid")
                log.append(LogEvidence(pod, place, 1, 2))
            if one.gone or one.step < 3:
                ledger.mark_gone(inode)
        ranges = ledger.settle_pod(10, log)
        recorded += count_incidents(ranges)
        named = {one.container.path for one in ranges if one.container}
        log = [one for one in log if one.container.path not in named]
        ledger.prune()
    assert recorded == len(killed)
