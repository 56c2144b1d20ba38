from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.metrics.counter_series import ZERO_SECONDS
from oomwarden.core.metrics.response_counts import (
    IDLE_SECONDS,
    MAX_NAMESPACES,
    OTHERS,
    ResponseCounts,
)

LATER = ZERO_SECONDS + 1


def shown(counts: ResponseCounts, now: float) -> dict[tuple[str, ...], float]:
    return {each.labels: each.value for each in counts.samples(now)}


def full() -> ResponseCounts:
    counts = ResponseCounts()
    for number in range(MAX_NAMESPACES):
        counts.add(f"ns-{number}", "RaisedLimit", 0.0)
    return counts


def test_a_response_shows_0_first_and_then_counts() -> None:
    counts = ResponseCounts()
    counts.add("shop", "RaisedLimit", 10.0)
    counts.add("shop", "RaisedLimit", 11.0)
    counts.add("shop", "UpToReached", 12.0)
    assert shown(counts, 13.0) == {("shop", "RaisedLimit"): 0, ("shop", "UpToReached"): 0}
    assert shown(counts, 12.0 + LATER) == {("shop", "RaisedLimit"): 2, ("shop", "UpToReached"): 1}


def test_namespaces_without_room_count_together_under_an_empty_name() -> None:
    counts = full()
    counts.add("late", "Cooldown", 1.0)
    counts.add("later", "Cooldown", 2.0)
    counts.add("ns-0", "Cooldown", 3.0)
    found = shown(counts, 3.0 + LATER)
    assert found[OTHERS, "Cooldown"] == 2
    assert found["ns-0", "Cooldown"] == 1
    assert len({namespace for namespace, _ in found}) == MAX_NAMESPACES + 1


def test_namespaces_that_had_no_response_for_an_hour_make_room() -> None:
    counts = full()
    now = IDLE_SECONDS + 1
    counts.add("ns-7", "RaisedLimit", now - 10)
    counts.add("late", "RaisedLimit", now)
    assert set(shown(counts, now)) == {("ns-7", "RaisedLimit"), ("late", "RaisedLimit")}


@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from("abc")), max_size=900))
def test_every_response_is_counted_somewhere_and_the_series_stay_few(
    responses: list[tuple[int, str]],
) -> None:
    counts = ResponseCounts()
    for namespace, reason in responses:
        counts.add(f"ns-{namespace}", reason, 1.0)
    found = shown(counts, 1.0 + LATER)
    assert sum(found.values()) == len(responses)
    assert len({namespace for namespace, _ in found}) <= MAX_NAMESPACES + 1
