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


def test_kills_that_are_reported_once_are_found() -> None:
    truth = [Kill(A, 1.0), Kill(A, 3.0), Kill(B, 3.0)]
    reports = [Report("pod", "a", 1.5), Report("pod", "a", 3.25), Report("pod", "b", 4.0)]
    assert judge(truth, reports) == Score(3, 3, 0, 0, (0.5, 0.25, 1.0))


def test_a_repeated_report_is_a_duplicate() -> None:
    score = judge([Kill(A, 1.0), Kill(B, 1.0)], [Report("pod", "a", 2.0)] * 2)
    assert (score.found, score.twice, score.recall) == (1, 1, 50.0)


def test_a_repeated_report_does_not_count_for_a_later_kill() -> None:
    score = judge([Kill(A, 0.0), Kill(A, 60.0)], [Report("pod", "a", 0.5), Report("pod", "a", 5.0)])
    assert (score.found, score.twice, score.recall) == (1, 1, 50.0)


def test_a_report_without_a_kill_is_wrong() -> None:
    score = judge([Kill(A, 1.0)], [Report("pod", "b", 2.0), Report("elsewhere", None, 2.0)])
    assert (score.found, score.wrong, score.twice) == (0, 2, 0)


def test_a_report_about_a_pod_only_finds_an_unreported_kill_and_is_vague() -> None:
    reports = [Report("pod", None, 3.0), Report("pod", "a", 4.0)]
    score = judge([Kill(A, 1.0), Kill(B, 1.0)], reports)
    assert (score.found, score.vague, score.twice) == (2, 1, 0)


def test_merged_kills_count_for_recall_and_not_for_latency() -> None:
    truth = [Kill(A, 10.0 * n) for n in range(5)]
    reports = [Report("pod", "a", 0.5), Report("pod", "a", 35.0, kills=3), Report("pod", "a", 41.0)]
    assert judge(truth, reports) == Score(5, 5, 0, 0, (0.5, 1.0))


def test_a_deliberately_deferred_report_has_no_latency() -> None:
    score = judge([Kill(A, 1.0)], [Report("pod", "a", 61.0, merged=True)])
    assert (score.found, score.latencies) == (1, ())


def test_a_kill_without_a_time_counts_and_has_no_latency() -> None:
    assert judge([Kill(A, None)], [Report("pod", "a", 5.0)]) == Score(1, 1, 0, 0)


def test_no_latency_is_guessed_where_a_kill_is_unreported() -> None:
    score = judge([Kill(A, 0.0), Kill(A, 60.0)], [Report("pod", "a", 61.0)])
    assert (score.found, score.latencies) == (1, ())


def test_without_kills_there_is_no_recall() -> None:
    assert judge([], []).recall is None


@given(happened, reported, st.randoms())
def test_order_does_not_matter_and_every_report_is_counted(
    truth: list[Kill], reports: list[Report], dice: random.Random
) -> None:
    score = judge(truth, reports)
    shuffled_truth, shuffled = list(truth), list(reports)
    dice.shuffle(shuffled_truth)
    dice.shuffle(shuffled)
    assert counts(score) == counts(judge(shuffled_truth, shuffled))
    assert score.found + score.wrong + score.twice == sum(one.kills for one in reports)
    assert (score.recall or 0) <= 100
    assert score.vague <= score.found


@given(happened, reported)
def test_repeating_all_reports_finds_nothing_that_did_not_happen(
    truth: list[Kill], reports: list[Report]
) -> None:
    once, again = judge(truth, reports), judge(truth, reports * 2)
    assert again.found >= once.found
    assert again.wrong == 2 * once.wrong
    perfect = [Report(one.place.pod, one.place.container, 40.0) for one in truth]
    assert counts(judge(truth, perfect * 2)) == (len(truth), len(truth), 0, 0, len(truth))


@given(st.lists(st.sampled_from(PLACES), max_size=8))
def test_a_perfect_reporter_is_perfect(places: list[Place]) -> None:
    truth = [Kill(place, 1.0) for place in places]
    score = judge(truth, [Report(place.pod, place.container, 1.0) for place in places])
    assert (score.found, score.wrong, score.twice) == (len(places), 0, 0)
