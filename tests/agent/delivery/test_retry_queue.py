import math
from itertools import pairwise

from oomwarden.agent.delivery.retry_queue import (
    AHEAD,
    LAST_REFUSED_SECONDS,
    LAST_RETRY_SECONDS,
    LONGEST_ASKED_SECONDS,
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


def fail(lane: RetryQueue, key: str, failure: WriteResult, now: float) -> str | None:
    news = lane.requeue(key, failure, now)
    lane.in_flight.discard(key)
    return news


def test_the_oldest_are_taken_first_and_none_twice() -> None:
    lane = RetryQueue()
    assert lane.choose(KEYS, 0.0) == KEYS[:AHEAD]
    assert lane.choose(KEYS, 0.0) == []
    assert lane.soonest(KEYS) is None
    lane.in_flight.discard(KEYS[3])
    assert lane.choose(KEYS, 0.0) == [KEYS[3]]


def test_a_row_that_waits_blocks_no_other() -> None:
    lane = RetryQueue()
    lane.choose(["a"], 0.0)
    fail(lane, "a", DENIED, 0.0)
    assert lane.choose(["a", "b"], 0.1) == ["b"]
    lane.in_flight.discard("b")
    assert 0.3 < (lane.soonest(["a"]) or 0) <= 0.5
    assert lane.choose(["a"], 0.5) == ["a"]


def test_the_waits_of_a_row_double_up_to_half_a_minute() -> None:
    lane, waits = RetryQueue(), []
    for _ in range(9):
        fail(lane, "a", DENIED, 100.0)
        waits.append((lane.soonest(["a"]) or 0) - 100.0)
    assert all(later >= earlier for earlier, later in pairwise(waits[:6]))
    assert LAST_RETRY_SECONDS * 0.75 <= waits[-1] <= LAST_RETRY_SECONDS


def test_while_the_api_server_is_away_one_row_at_a_time_is_tried() -> None:
    lane = RetryQueue()
    for key in lane.choose(KEYS, 0.0):
        fail(lane, key, AWAY, 0.0)
    assert lane.choose(KEYS, 0.1) == []
    reopens = lane.soonest(KEYS) or 0
    assert 0.3 < reopens <= 0.5
    (probe,) = lane.choose(KEYS, reopens)
    assert lane.soonest(KEYS) is None
    fail(lane, probe, AWAY, reopens)
    assert (lane.soonest(KEYS) or 0) > reopens + 0.5


def test_rows_that_fail_as_if_the_api_server_did_keep_no_other_from_its_turn() -> None:
    lane, now, tried = RetryQueue(), 0.0, []
    for key in ("a", "b"):
        for _ in range(20):
            fail(lane, key, AWAY, now)
    for _ in range(8):
        now = lane.soonest(["a", "b", "c"]) or 0.0
        (probe,) = lane.choose(["a", "b", "c"], now)
        tried.append(probe)
        fail(lane, probe, AWAY, now)
    assert (tried[0], set(tried)) == ("c", {"a", "b", "c"})


def test_an_answer_opens_the_lane_for_all() -> None:
    lane = RetryQueue()
    for key in lane.choose(KEYS[:4], 0.0):
        fail(lane, key, AWAY, 0.0)
    lane.forget(KEYS[0])
    assert len(lane.choose(KEYS, 1.0)) == AHEAD


def test_a_refusal_of_one_record_is_an_answer_too() -> None:
    lane = RetryQueue()
    fail(lane, "a", AWAY, 0.0)
    fail(lane, "b", DENIED, 1.0)
    assert lane.choose(["c", "d"], 1.0) == ["c", "d"]


def test_retry_after_is_honoured_for_all_and_within_reason() -> None:
    lane = RetryQueue()
    fail(lane, "a", BUSY, 0.0)
    assert lane.choose(["a", "b"], 6.9) == []
    assert lane.choose(["a", "b"], 7.0) == ["b"]
    lane = RetryQueue()
    fail(lane, "a", WriteResult(WriteOutcome.RETRY, "", retry_after=math.inf), 0.0)
    assert lane.soonest(["a"]) == LONGEST_ASKED_SECONDS


def test_a_refusal_is_retried_without_end_every_ten_minutes() -> None:
    lane, now = RetryQueue(), 0.0
    for _ in range(400):
        fail(lane, "a", FULL, now)
        now = lane.soonest(["a"]) or 0.0
    fail(lane, "a", FULL, now)
    wait = (lane.soonest(["a"]) or 0.0) - now
    assert LAST_REFUSED_SECONDS * 0.75 <= wait <= LAST_REFUSED_SECONDS
    assert lane.choose(["a", "b"], now + 1) == ["b"], "which blocks no other"


def test_a_refusal_that_ends_ends_the_waits_of_all_that_were_refused() -> None:
    lane = RetryQueue()
    for key in ("a", "b", "c"):
        for _ in range(20):
            fail(lane, key, DENIED if key == "c" else INVALID, 0.0)
    fail(lane, "short", FULL, 0.0)
    lane.forget("short")
    assert lane.choose(["a", "b", "c"], 0.1) == []
    lane.forget("a")
    assert lane.choose(["b", "c"], 0.1) == ["b"]


def test_a_row_is_long_invalid_after_a_quarter_of_an_hour_of_refusals_by_the_schema() -> None:
    lane = RetryQueue()
    fail(lane, "a", INVALID, 100.0)
    assert not lane.is_long_invalid("a", 99.0 + SHORT_AFTER_SECONDS)
    fail(lane, "a", INVALID, 800.0)
    assert lane.is_long_invalid("a", 100.0 + SHORT_AFTER_SECONDS)
    fail(lane, "a", AWAY, 900.0)
    assert not lane.is_long_invalid("a", 1e9)
    fail(lane, "b", FULL, 0.0)
    assert not lane.is_long_invalid("b", 1e9)


def test_the_log_tells_a_row_once_and_an_outage_once() -> None:
    lane = RetryQueue()
    assert fail(lane, "a", DENIED, 0.0) == "record a waits: denied by a policy"
    assert fail(lane, "a", DENIED, 1.0) is None
    assert fail(lane, "b", AWAY, 1.0) == "every record waits: no answer"
    assert fail(lane, "c", AWAY, 1.0) is None


def test_rows_that_are_gone_are_forgotten() -> None:
    lane = RetryQueue()
    for key in KEYS:
        fail(lane, key, DENIED, 0.0)
    lane.choose(["a"], 0.0)
    assert lane._waits == {}
