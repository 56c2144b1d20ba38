from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
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
from oomwarden.core.model.cgroup import KillCounters


def ready(_: int) -> bool:
    return True


def test_a_pod_is_due_once_its_counters_have_not_changed_for_a_while() -> None:
    queue = SettleQueue()
    queue.touch(1, now=10.0, after=0, before=1)
    assert queue.due(10.0 + STILL_SECONDS / 2, 0, ready) == []
    assert queue.due(10.0 + STILL_SECONDS, 0, ready) == [1]


def test_a_pod_with_changing_counters_is_due_after_a_second() -> None:
    queue = SettleQueue()
    for tenth in range(30):
        queue.touch(1, now=10 + tenth / 20, after=0, before=1)
    assert queue.due(10 + CLOSE_SECONDS, 0, ready) == [1]


def test_pods_that_wait_for_the_log_share_one_read() -> None:
    queue = SettleQueue()
    queue.touch(1, now=10.0, after=0, before=1)
    queue.touch(2, now=10.1, after=0, before=1)
    assert queue.due(10.25, log_from=10.4, is_ready=ready) == []
    assert queue.timeout(10.25) == pytest.approx(0.15)
    assert queue.due(10.4, log_from=10.4, is_ready=ready) == [1, 2]


def test_a_pod_that_is_not_ready_is_deferred() -> None:
    queue = SettleQueue()
    queue.touch(1, now=10.0, after=0, before=1)
    assert queue.due(10.2, 0, lambda _: False) == []
    assert queue.due(10.2 + STILL_SECONDS, 0, ready) == [1]


def test_the_timeout_ends_when_the_next_pod_is_due() -> None:
    queue = SettleQueue()
    assert queue.timeout(10.0) == IDLE_SECONDS
    queue.touch(1, now=0.0, after=0, before=1)
    assert queue.timeout(0.0) == STILL_SECONDS
    assert queue.timeout(1.0) == 0


def test_a_group_kill_in_progress_is_not_split() -> None:
    queue = SettleQueue()
    for tenth in range(30):
        queue.touch(1, now=10 + tenth / 20, after=0, before=1, group=tenth > 2)
    assert queue.due(10 + CLOSE_SECONDS, 0, ready) == []
    assert queue.due(11.45 + STILL_SECONDS, 0, ready) == [1]


@given(st.floats(0, 20), st.floats(0, 20), st.integers(1, 9), st.booleans(), st.booleans())
def test_a_group_kill_ends_with_its_containers_or_with_its_time_limit(
    first: float,
    waited: float,
    groups: int,
    unfinished: bool,  # noqa: FBT001 - drawn
    unread: bool,  # noqa: FBT001 - drawn
) -> None:
    pending = PendingKill(first, first, 0, 1, group=True)
    now = first + waited
    in_time = now - first < GROUP_SECONDS
    whole, half = KillCounters(2 * groups, groups), KillCounters(2 * groups - 1, groups)
    more = unfinished or unread
    still = now - pending.last > (GROUP_STILL_SECONDS if more else EMPTY_STILL_SECONDS)

    def in_progress(unrecorded: KillCounters, *, begun: bool) -> bool:
        return pending.is_in_progress(
            now, unrecorded, begun=begun, unfinished=unfinished, unread=unread
        )

    assert in_progress(whole, begun=False) is (more and not still)
    assert in_progress(half, begun=False) is (not still)
    assert in_progress(whole, begun=True) is (not still)
    pending.last = now
    assert in_progress(half, begun=False) is in_time
    assert in_progress(whole, begun=True) is in_time
    pending.group = False
    assert in_progress(half, begun=False) is (unread and in_time)
    assert in_progress(half, begun=True) is in_time


def test_a_container_is_checked_until_it_is_found_to_be_killed_as_a_group() -> None:
    answers = [False, True, False]
    pending = PendingKill(0.0, 0.0, 0.0, 0.0)
    checked = [pending.is_group(7, partial(answers.pop, 0)) for _ in range(4)]
    assert checked == [False, True, True, True]
    assert answers == [False]
