import math
from itertools import pairwise

from oomwarden.agent.delivery.retry_queue import (
    LAST_REFUSED_SECONDS,
    LAST_RETRY_SECONDS,
    MAX_IN_FLIGHT,
    MAX_RETRY_AFTER_SECONDS,
    SHORT_AFTER_SECONDS,
    RetryQueue,
)
from oomwarden.kube.transport.errors import WriteOutcome, WriteResult

DENIED = WriteResult(WriteOutcome.RETRY, "denied by a policy")
AWAY = WriteResult(WriteOutcome.RETRY, "no answer", server_wide=True)
BUSY = WriteResult(WriteOutcome.RETRY, "429", retry_after=7.0, server_wide=True)
FULL = WriteResult(WriteOutcome.RETRY, "exceeded quota", refused=True)
INVALID = WriteResult(WriteOutcome.RETRY, "cause: Unsupported value", refused=True, invalid=True)
KEYS = [f"k{n:02}" for n in range(40)]


def take(queue: RetryQueue, keys: list[str], now: float) -> list[str]:
    chosen = queue.choose(keys, now)
    queue.take(chosen, keys)
    return chosen


def fail(queue: RetryQueue, key: str, failure: WriteResult, now: float) -> str | None:
    message = queue.requeue(key, failure, now)
    queue.in_flight.discard(key)
    return message


def test_the_oldest_rows_are_chosen_first_and_none_twice() -> None:
    queue = RetryQueue()
    assert take(queue, KEYS, 0.0) == KEYS[:MAX_IN_FLIGHT]
    assert take(queue, KEYS, 0.0) == []
    assert queue.next_due(KEYS) is None
    queue.in_flight.discard(KEYS[3])
    assert take(queue, KEYS, 0.0) == [KEYS[3]]


def test_a_row_in_back_off_does_not_block_others() -> None:
    queue = RetryQueue()
    take(queue, ["a"], 0.0)
    fail(queue, "a", DENIED, 0.0)
    assert take(queue, ["a", "b"], 0.1) == ["b"]
    queue.in_flight.discard("b")
    assert 0.3 < (queue.next_due(["a"]) or 0) <= 0.5
    assert take(queue, ["a"], 0.5) == ["a"]


def test_the_back_off_of_a_row_doubles_up_to_half_a_minute() -> None:
    queue, waits = RetryQueue(), []
    for _ in range(9):
        fail(queue, "a", DENIED, 100.0)
        waits.append((queue.next_due(["a"]) or 0) - 100.0)
    assert all(later >= earlier for earlier, later in pairwise(waits[:6]))
    assert LAST_RETRY_SECONDS * 0.75 <= waits[-1] <= LAST_RETRY_SECONDS


def test_while_the_api_server_is_unreachable_one_row_at_a_time_is_tried() -> None:
    queue = RetryQueue()
    for key in take(queue, KEYS, 0.0):
        fail(queue, key, AWAY, 0.0)
    assert take(queue, KEYS, 0.1) == []
    reopens = queue.next_due(KEYS) or 0
    assert 0.3 < reopens <= 0.5
    (probe,) = take(queue, KEYS, reopens)
    assert queue.next_due(KEYS) is None
    fail(queue, probe, AWAY, reopens)
    assert (queue.next_due(KEYS) or 0) > reopens + 0.5


def test_rows_that_look_like_an_outage_do_not_keep_others_from_being_tried() -> None:
    queue, now, tried = RetryQueue(), 0.0, []
    for key in ("a", "b"):
        for _ in range(20):
            fail(queue, key, AWAY, now)
    for _ in range(8):
        now = queue.next_due(["a", "b", "c"]) or 0.0
        (probe,) = take(queue, ["a", "b", "c"], now)
        tried.append(probe)
        fail(queue, probe, AWAY, now)
    assert (tried[0], set(tried)) == ("c", {"a", "b", "c"})


def test_an_answer_ends_the_back_off_of_all_rows() -> None:
    queue = RetryQueue()
    for key in take(queue, KEYS[:4], 0.0):
        fail(queue, key, AWAY, 0.0)
    queue.forget(KEYS[0])
    assert len(take(queue, KEYS, 1.0)) == MAX_IN_FLIGHT


def test_a_refusal_of_one_record_counts_as_an_answer() -> None:
    queue = RetryQueue()
    fail(queue, "a", AWAY, 0.0)
    fail(queue, "b", DENIED, 1.0)
    assert take(queue, ["c", "d"], 1.0) == ["c", "d"]


def test_retry_after_applies_to_all_rows_up_to_a_maximum() -> None:
    queue = RetryQueue()
    fail(queue, "a", BUSY, 0.0)
    assert take(queue, ["a", "b"], 6.9) == []
    assert take(queue, ["a", "b"], 7.0) == ["b"]
    queue = RetryQueue()
    fail(queue, "a", WriteResult(WriteOutcome.RETRY, "", retry_after=math.inf), 0.0)
    assert queue.next_due(["a"]) == MAX_RETRY_AFTER_SECONDS


def test_a_refused_row_is_retried_every_ten_minutes_without_end() -> None:
    queue, now = RetryQueue(), 0.0
    for _ in range(400):
        fail(queue, "a", FULL, now)
        now = queue.next_due(["a"]) or 0.0
    fail(queue, "a", FULL, now)
    wait = (queue.next_due(["a"]) or 0.0) - now
    assert LAST_REFUSED_SECONDS * 0.75 <= wait <= LAST_REFUSED_SECONDS
    assert take(queue, ["a", "b"], now + 1) == ["b"], "which blocks no other"


def test_the_end_of_a_long_refusal_ends_the_back_off_of_all_refused_rows() -> None:
    queue = RetryQueue()
    for key in ("a", "b", "c"):
        for _ in range(20):
            fail(queue, key, DENIED if key == "c" else INVALID, 0.0)
    fail(queue, "short", FULL, 0.0)
    queue.forget("short")
    assert take(queue, ["a", "b", "c"], 0.1) == []
    queue.forget("a")
    assert take(queue, ["b", "c"], 0.1) == ["b"]


def test_a_row_is_long_invalid_after_15_minutes_of_schema_errors() -> None:
    queue = RetryQueue()
    fail(queue, "a", INVALID, 100.0)
    assert not queue.is_long_invalid("a", 99.0 + SHORT_AFTER_SECONDS)
    fail(queue, "a", INVALID, 800.0)
    assert queue.is_long_invalid("a", 100.0 + SHORT_AFTER_SECONDS)
    fail(queue, "a", AWAY, 900.0)
    assert not queue.is_long_invalid("a", 1e9)
    fail(queue, "b", FULL, 0.0)
    assert not queue.is_long_invalid("b", 1e9)


def test_a_failing_row_and_an_outage_are_logged_once_each() -> None:
    queue = RetryQueue()
    assert fail(queue, "a", DENIED, 0.0) == "record a will be retried: denied by a policy"
    assert fail(queue, "a", DENIED, 1.0) is None
    assert fail(queue, "b", AWAY, 1.0) == "delivery of every record is delayed: no answer"
    assert fail(queue, "c", AWAY, 1.0) is None


def test_the_back_off_of_removed_rows_is_dropped() -> None:
    queue = RetryQueue()
    for key in KEYS:
        fail(queue, key, DENIED, 0.0)
    take(queue, ["a"], 0.0)
    assert queue._backoffs == {}
