from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.enforcement.evaluation import (
    evaluate,
)
from oomwarden.core.enforcement.plan import (
    Baseline,
    ProcessState,
    ScorePlan,
    classify,
    plan_scores,
)
from oomwarden.core.enforcement.scoring import Floor
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.policy.process_rules import ProcessTarget

from tests.support.pods import cluster_policy, policy

SCORES = st.integers(-997, 1000)
BASELINES = st.builds(Baseline, st.one_of(st.none(), SCORES), st.frozensets(SCORES, max_size=3))


def test_the_target_overwrites_the_baseline_and_scores_of_oomwarden() -> None:
    order = plan_scores(-500, Baseline(899, frozenset({-300})), EnforcementMode.ENFORCE)
    assert order == ScorePlan(-500, frozenset({899, -300}), never_assigned=frozenset({-500}))


def test_a_score_counts_as_never_assigned_until_it_is_written() -> None:
    rules = (ProcessTarget("a", 300), ProcessTarget("b", 899), ProcessTarget("c", 400))
    begun = plan_scores(-500, Baseline(899, frozenset({300})), EnforcementMode.ENFORCE, rules)
    assert begun is not None
    assert begun.never_assigned == {-500, 400}
    unknown = plan_scores(-500, Baseline(None, frozenset({300})), EnforcementMode.ENFORCE, rules)
    assert unknown is not None
    assert unknown.never_assigned == frozenset()


def test_without_a_target_scores_of_oomwarden_are_restored_to_the_baseline() -> None:
    order = plan_scores(None, Baseline(899, frozenset({-300})), EnforcementMode.ENFORCE)
    assert order == ScorePlan(899, frozenset({-300}))


def test_a_container_that_oomwarden_never_changed_is_not_scanned() -> None:
    assert plan_scores(None, Baseline(899), EnforcementMode.ENFORCE) is None
    assert plan_scores(-500, Baseline(899), EnforcementMode.RELEASE) is None


def test_release_restores_scores_despite_the_policies() -> None:
    order = plan_scores(-500, Baseline(899, frozenset({-500})), EnforcementMode.RELEASE)
    assert order == ScorePlan(899, frozenset({-500}))


def test_without_a_baseline_nothing_is_restored_and_absolute_scores_apply() -> None:
    unknown = Baseline(None, frozenset({-300}))
    assert plan_scores(None, unknown, EnforcementMode.ENFORCE) is None
    assert plan_scores(None, unknown, EnforcementMode.RELEASE) is None
    assert plan_scores(-500, unknown, EnforcementMode.ENFORCE) == ScorePlan(-500, frozenset({-300}))


def test_a_container_whose_first_process_left_the_range_is_left_alone() -> None:
    assert plan_scores(-500, Baseline(None), EnforcementMode.ENFORCE) is None


def test_a_process_of_runc_exec_is_distinguished_from_one_with_its_own_score() -> None:
    order = ScorePlan(-500, frozenset({899}))
    found = [classify(score, order) for score in (-500, 899, -998, 7)]
    assert found == [
        ProcessState.HOLDS,
        ProcessState.MOVABLE,
        ProcessState.STARTING,
        ProcessState.OWN,
    ]


def test_after_a_complete_scan_only_the_target_is_left() -> None:
    assert Baseline(899, frozenset({1, 2})).settled(2) == Baseline(899, frozenset({2}))
    assert Baseline(899, frozenset({1, 2})).settled(899) == Baseline(899)
    unknown = Baseline(None, frozenset({1, 2}))
    assert unknown.settled(2) == unknown


@given(BASELINES, st.one_of(st.none(), SCORES), st.sampled_from(EnforcementMode))
def test_only_the_baseline_and_scores_of_oomwarden_are_ever_overwritten(
    baseline: Baseline, target: int | None, mode: EnforcementMode
) -> None:
    order = plan_scores(target, baseline, mode)
    if order is not None:
        assert order.movable <= baseline.written | {baseline.value}
        assert order.target in {target, baseline.value}
        assert order.target not in order.movable


@given(BASELINES, st.one_of(st.none(), SCORES))
def test_pause_plans_nothing(baseline: Baseline, target: int | None) -> None:
    assert plan_scores(target, baseline, EnforcementMode.PAUSE) is None


def test_the_floor_applies_to_namespaced_policies_only() -> None:
    low: dict[str, Any] = {"rules": [{"oomScoreAdj": -900}]}
    assert evaluate([policy(**low)], "app", 5, Floor(-500)).target.score == -500
    assert evaluate([cluster_policy(**low)], "app", 5, Floor(-500)).target.score == -900


def test_an_observing_policy_is_evaluated_as_if_it_enforced() -> None:
    observe = policy("observe", mode="Observe", priority=1, rules=[{"oomScoreOffset": -2000}])
    found = evaluate([policy(), observe], "app", 5, Floor(-500))
    assert found.target.score == 5
    (observed,) = found.observed
    assert (observed.score, observed.remarks[0].reason) == (-500, "BelowFloor")


WORKER = ProcessTarget("postgres: *", 300)


def test_with_rules_a_process_changes_from_any_score_of_oomwarden_to_its_own() -> None:
    order = plan_scores(-500, Baseline(899), EnforcementMode.ENFORCE, (WORKER,))
    assert order is not None
    assert order.values == {-500, 300}
    found = [classify(score, order, WORKER) for score in (300, -500, 899, 7, -998)]
    movable = ProcessState.MOVABLE
    assert found == [
        ProcessState.HOLDS,
        movable,
        movable,
        ProcessState.UNSAVED,
        ProcessState.STARTING,
    ]
    assert classify(7, order, WORKER, own=7) is movable, "once it is saved"
    assert classify(8, order, WORKER, own=7) is ProcessState.UNSAVED, "it has changed its mind"
    others = [classify(score, order) for score in (-500, 300, 899, 7, -998)]
    assert others == [ProcessState.HOLDS, movable, movable, ProcessState.OWN, ProcessState.STARTING]


def test_a_process_gets_its_own_score_back_if_no_rule_names_it() -> None:
    order = plan_scores(None, Baseline(-500, frozenset({300})), EnforcementMode.ENFORCE, own=True)
    assert order is not None
    assert [classify(score, order, own=900) for score in (300, -500, 900, 7)] == [
        ProcessState.MOVABLE, ProcessState.MOVABLE, ProcessState.OWN, ProcessState.OWN,
    ]  # fmt: skip
    assert (order.score_for(None, 900), order.score_for(None), order.score_for(WORKER, 900)) == (
        900, -500, 300,
    )  # fmt: skip


def test_an_own_score_is_restored_even_if_the_rule_set_the_baseline() -> None:
    assert plan_scores(None, Baseline(300), EnforcementMode.ENFORCE) is None
    assert plan_scores(None, Baseline(300), EnforcementMode.RELEASE, own=True) == ScorePlan(
        300, frozenset()
    )


def test_with_an_unknown_baseline_no_score_counts_as_own() -> None:
    order = plan_scores(None, Baseline(None, frozenset({899})), EnforcementMode.ENFORCE, (WORKER,))
    assert order is not None
    assert classify(7, order, WORKER) is ProcessState.MOVABLE


def test_a_worker_that_lost_its_title_is_restored_to_the_baseline() -> None:
    order = plan_scores(899, Baseline(899, frozenset({300})), EnforcementMode.ENFORCE, (WORKER,))
    assert order is not None
    assert classify(300, order) is ProcessState.MOVABLE
    assert order.score_for(None) == 899


def test_without_a_baseline_processes_that_no_rule_names_are_left_alone() -> None:
    order = plan_scores(None, Baseline(None, frozenset({899})), EnforcementMode.ENFORCE, (WORKER,))
    assert order is not None
    assert classify(899, order) is ProcessState.HOLDS
    assert classify(899, order, WORKER) is ProcessState.MOVABLE


def test_all_scores_of_rules_are_restored_to_the_baseline() -> None:
    cached = Baseline(899).with_written(-500, 300)
    assert plan_scores(None, cached, EnforcementMode.ENFORCE) == ScorePlan(
        899, frozenset({-500, 300})
    )
    assert cached.settled(-500, 300) == cached
    assert plan_scores(-500, cached, EnforcementMode.RELEASE, (WORKER,)) == ScorePlan(
        899, frozenset({-500, 300})
    )


@given(BASELINES, st.one_of(st.none(), SCORES), st.lists(SCORES, max_size=3), SCORES)
def test_what_was_written_is_always_recognised(
    baseline: Baseline, target: int | None, scores: list[int], score: int
) -> None:
    rules = tuple(ProcessTarget(f"{each}*", each) for each in scores)
    order = plan_scores(target, baseline, EnforcementMode.ENFORCE, rules)
    if order is None or order.target is None:
        return
    saved = baseline.with_written(*order.values - {baseline.value})
    for value in order.values:
        assert value == saved.value or value in saved.written
        assert classify(value, order) in {ProcessState.HOLDS, ProcessState.MOVABLE}
    if classify(score, order) is ProcessState.MOVABLE:
        assert score == baseline.value or score in saved.written
