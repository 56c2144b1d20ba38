from functools import partial

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.ledger.account import KillCounters
from oomwarden.core.ledger.settling import (
    CLOSE_SECONDS,
    EMPTY_STILL_SECONDS,
    GROUP_SECONDS,
    GROUP_STILL_SECONDS,
    IDLE_SECONDS,
    STILL_SECONDS,
    PendingKill,
    SettleQueue,
)


def known(_: int) -> bool:
    return True


def test_a_pod_closes_when_its_counters_were_still() -> None:
    closing = SettleQueue()
    closing.touch(1, now=10.0, after=0, before=1)
    assert closing.due(10.0 + STILL_SECONDS / 2, 0, known) == []
    assert closing.due(10.0 + STILL_SECONDS, 0, known) == [1]


def test_counters_that_never_rest_close_after_a_second() -> None:
    closing = SettleQueue()
    for tenth in range(30):
        closing.touch(1, now=10 + tenth / 20, after=0, before=1)
    assert closing.due(10 + CLOSE_SECONDS, 0, known) == [1]


def test_a_pod_waits_for_the_log_but_no_longer_than_its_second() -> None:
    closing = SettleQueue()
    closing.touch(1, now=10.0, after=0, before=1)
    assert closing.due(10.2, log_from=10.5, nameable=known) == []
    assert closing.due(10.5, log_from=10.5, nameable=known) == [1]
    assert closing.due(11.0, log_from=12.0, nameable=known) == [1]


def test_a_pod_that_nobody_can_name_is_asked_for_again() -> None:
    closing = SettleQueue()
    closing.touch(1, now=10.0, after=0, before=1)
    assert closing.due(10.2, 0, lambda _: False) == []
    assert closing.due(10.2 + STILL_SECONDS, 0, known) == [1]


def test_patience_is_until_the_next_pod_falls_due() -> None:
    closing = SettleQueue()
    assert closing.timeout(10.0) == IDLE_SECONDS
    closing.touch(1, now=0.0, after=0, before=1)
    assert closing.timeout(0.0) == STILL_SECONDS
    assert closing.timeout(1.0) == 0


def test_a_group_kill_that_goes_on_is_not_cut_in_two() -> None:
    closing = SettleQueue()
    for tenth in range(30):
        closing.touch(1, now=10 + tenth / 20, after=0, before=1, group=tenth > 2)
    assert closing.due(10 + CLOSE_SECONDS, 0, known) == []
    assert closing.due(11.45 + STILL_SECONDS, 0, known) == [1]


@given(st.floats(0, 20), st.floats(0, 20), st.integers(1, 9), st.booleans(), st.booleans())
def test_a_group_kill_ends_with_its_containers_and_never_takes_longer_than_its_time(
    first: float,
    waited: float,
    groups: int,
    populated: bool,  # noqa: FBT001 - drawn
    unread: bool,  # noqa: FBT001 - drawn
) -> None:
    owing = PendingKill(first, first, 0, 1, group=True)
    now = first + waited
    in_time = now - first < GROUP_SECONDS
    whole, half = KillCounters(2 * groups, groups), KillCounters(2 * groups - 1, groups)
    more = populated or unread
    still = now - owing.last > (GROUP_STILL_SECONDS if more else EMPTY_STILL_SECONDS)

    def goes_on(owed: KillCounters, *, begun: bool) -> bool:
        return owing.is_in_progress(now, owed, begun=begun, populated=populated, unread=unread)

    assert goes_on(whole, begun=False) is (more and not still)
    assert goes_on(half, begun=False) is (not still)
    assert goes_on(whole, begun=True) is (not still)
    owing.last = now
    assert goes_on(half, begun=False) is in_time
    assert goes_on(whole, begun=True) is in_time
    owing.group = False
    assert goes_on(half, begun=False) is (unread and in_time)
    assert goes_on(half, begun=True) is in_time


def test_whether_a_container_is_a_group_is_looked_for_until_it_is_found() -> None:
    answers = [False, True, False]
    owing = PendingKill(0.0, 0.0, 0.0, 0.0)
    asked = [owing.is_group(7, partial(answers.pop, 0)) for _ in range(4)]
    assert asked == [False, True, True, True]
    assert answers == [False]
