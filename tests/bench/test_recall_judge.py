import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.recall import table
from bench.recall.__main__ import parse
from bench.recall.judge import Report, Score, judge
from bench.recall.truth import Kill, Place

A, B = Place("pod", "a"), Place("pod", "b")
PLACES = [A, B, Place("other", "c")]

happened = st.lists(st.builds(Kill, st.sampled_from(PLACES), st.floats(0, 9)), max_size=8)
reported = st.lists(
    st.builds(
        Report,
        st.sampled_from(["pod", "other", "nowhere"]),
        st.sampled_from(["a", "b", "c", None]),
        st.floats(10, 20),
        st.integers(1, 3),
    ),
    max_size=8,
)


def test_kills_that_are_told_once_are_found() -> None:
    truth = [Kill(A, 1.0), Kill(A, 2.0), Kill(B, 3.0)]
    told = [Report("pod", "a", 1.5), Report("pod", "a", 2.25), Report("pod", "b", 4.0)]
    assert judge(truth, told) == Score(3, 3, 0, 0, (0.5, 0.25, 1.0))


def test_a_repetition_is_told_twice_and_finds_nothing_more() -> None:
    score = judge([Kill(A, 1.0), Kill(B, 1.0)], [Report("pod", "a", 2.0)] * 2)
    assert (score.found, score.twice, score.recall) == (1, 1, 50.0)


def test_a_kill_where_none_was_is_wrong() -> None:
    score = judge([Kill(A, 1.0)], [Report("pod", "b", 2.0), Report("elsewhere", None, 2.0)])
    assert (score.found, score.wrong, score.twice) == (0, 2, 0)


def test_a_report_of_a_pod_alone_finds_a_kill_that_nobody_told() -> None:
    told = [Report("pod", "a", 2.0), Report("pod", None, 3.0)]
    assert judge([Kill(A, 1.0), Kill(B, 1.0)], told).found == 2


def test_merged_kills_count_for_recall_and_not_for_latency() -> None:
    truth = [Kill(A, float(n)) for n in range(5)]
    told = [Report("pod", "a", 0.5), Report("pod", "a", 60.0, kills=3), Report("pod", "a", 61.0)]
    assert judge(truth, told) == Score(5, 5, 0, 0, (0.5, 57.0))


@given(happened, reported, st.randoms())
def test_neither_order_matters_and_every_report_goes_somewhere(
    truth: list[Kill], told: list[Report], dice: random.Random
) -> None:
    score = judge(truth, told)
    shuffled_truth, shuffled = list(truth), sorted(told, key=lambda _: dice.random())
    dice.shuffle(shuffled_truth)
    again = judge(shuffled_truth, shuffled)
    counts = (score.found, score.wrong, score.twice)
    assert counts == (again.found, again.wrong, again.twice)
    assert score.found + score.wrong + score.twice == sum(one.kills for one in told)
    assert score.recall <= 100


@given(st.lists(st.sampled_from(PLACES), max_size=8))
def test_a_perfect_reporter_is_perfect(places: list[Place]) -> None:
    truth = [Kill(place, 1.0) for place in places]
    score = judge(truth, [Report(place.pod, place.container, 1.0) for place in places])
    assert (score.recall, score.wrong, score.twice) == (100.0, 0, 0)


def test_a_run_is_read_back_as_it_was_written_and_compared() -> None:
    results = {"quiet": {"oomwarden": Score(2, 1, 0, 1, (0.25, 0.5))}}
    text = table.to_json(results, {}, {})
    assert table.from_json(text) == results
    assert "recall 50 % -> 50 %" in table.compare(results, results)
    assert "50 %" in table.render(results, {"quiet": "a note"})


def test_an_unknown_scenario_is_refused_with_the_ones_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        parse(["--only", "quiet,loud"])
    assert "no such scenario: loud; there are: quiet, burst" in capsys.readouterr().err
