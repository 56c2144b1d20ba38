import random

from hypothesis import given
from hypothesis import strategies as st

from bench.recall.judge import Report, Score, judge
from bench.recall.truth import Kill, Place

A, B = Place("pod", "a"), Place("pod", "b")
PLACES = [A, B, Place("other", "c")]

happened = st.lists(
    st.builds(Kill, st.sampled_from(PLACES), st.one_of(st.none(), st.floats(0, 20))), max_size=8
)
reported = st.lists(
    st.builds(
        Report,
        st.sampled_from(["pod", "other", "nowhere"]),
        st.sampled_from(["a", "b", "c", None]),
        st.floats(0, 30),
        st.integers(1, 3),
    ),
    max_size=8,
)


def counts(score: Score) -> tuple[int, ...]:
    return score.true, score.found, score.vague, score.wrong, score.twice


def test_kills_that_are_told_once_are_found() -> None:
    truth = [Kill(A, 1.0), Kill(A, 3.0), Kill(B, 3.0)]
    told = [Report("pod", "a", 1.5), Report("pod", "a", 3.25), Report("pod", "b", 4.0)]
    assert judge(truth, told) == Score(3, 3, 0, 0, (0.5, 0.25, 1.0))


def test_a_repetition_is_told_twice_and_finds_nothing_more() -> None:
    score = judge([Kill(A, 1.0), Kill(B, 1.0)], [Report("pod", "a", 2.0)] * 2)
    assert (score.found, score.twice, score.recall) == (1, 1, 50.0)


def test_a_repetition_does_not_stand_for_a_kill_that_comes_later() -> None:
    score = judge([Kill(A, 0.0), Kill(A, 60.0)], [Report("pod", "a", 0.5), Report("pod", "a", 5.0)])
    assert (score.found, score.twice, score.recall) == (1, 1, 50.0)


def test_a_kill_where_none_was_is_wrong() -> None:
    score = judge([Kill(A, 1.0)], [Report("pod", "b", 2.0), Report("elsewhere", None, 2.0)])
    assert (score.found, score.wrong, score.twice) == (0, 2, 0)


def test_a_report_of_a_pod_alone_finds_a_kill_that_nobody_told_and_is_said_to_be_vague() -> None:
    told = [Report("pod", None, 3.0), Report("pod", "a", 4.0)]
    score = judge([Kill(A, 1.0), Kill(B, 1.0)], told)
    assert (score.found, score.vague, score.twice) == (2, 1, 0)


def test_merged_kills_count_for_recall_and_not_for_latency() -> None:
    truth = [Kill(A, 10.0 * n) for n in range(5)]
    told = [Report("pod", "a", 0.5), Report("pod", "a", 35.0, kills=3), Report("pod", "a", 41.0)]
    assert judge(truth, told) == Score(5, 5, 0, 0, (0.5, 1.0))


def test_a_report_that_was_held_back_by_intention_has_no_latency() -> None:
    score = judge([Kill(A, 1.0)], [Report("pod", "a", 61.0, merged=True)])
    assert (score.found, score.latencies) == (1, ())


def test_a_kill_without_a_moment_counts_and_has_no_latency() -> None:
    assert judge([Kill(A, None)], [Report("pod", "a", 5.0)]) == Score(1, 1, 0, 0)


def test_where_a_kill_went_untold_no_latency_is_guessed() -> None:
    score = judge([Kill(A, 0.0), Kill(A, 60.0)], [Report("pod", "a", 61.0)])
    assert (score.found, score.latencies) == (1, ())


def test_of_nothing_there_is_no_recall() -> None:
    assert judge([], []).recall is None


@given(happened, reported, st.randoms())
def test_neither_order_matters_and_every_report_goes_somewhere(
    truth: list[Kill], told: list[Report], dice: random.Random
) -> None:
    score = judge(truth, told)
    shuffled_truth, shuffled = list(truth), list(told)
    dice.shuffle(shuffled_truth)
    dice.shuffle(shuffled)
    assert counts(score) == counts(judge(shuffled_truth, shuffled))
    assert score.found + score.wrong + score.twice == sum(one.kills for one in told)
    assert (score.recall or 0) <= 100
    assert score.vague <= score.found


@given(happened, reported)
def test_telling_all_once_more_finds_nothing_more_before_it_is_killed(
    truth: list[Kill], told: list[Report]
) -> None:
    once, again = judge(truth, told), judge(truth, told * 2)
    assert again.found >= once.found
    assert again.wrong == 2 * once.wrong
    perfect = [Report(one.place.pod, one.place.container, 40.0) for one in truth]
    assert counts(judge(truth, perfect * 2)) == (len(truth), len(truth), 0, 0, len(truth))


@given(st.lists(st.sampled_from(PLACES), max_size=8))
def test_a_perfect_reporter_is_perfect(places: list[Place]) -> None:
    truth = [Kill(place, 1.0) for place in places]
    score = judge(truth, [Report(place.pod, place.container, 1.0) for place in places])
    assert (score.found, score.wrong, score.twice) == (len(places), 0, 0)
