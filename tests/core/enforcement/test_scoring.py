from hypothesis import given
from hypothesis import strategies as st
from oomwarden.api.policy import ProcessRule, Rule
from oomwarden.core.enforcement.scoring import Floor, Target, target_for
from oomwarden.core.policy.process_rules import ProcessTarget

SCORES = st.integers(-997, 1000)
RULES = st.one_of(
    SCORES.map(lambda score: Rule(oom_score_adj=score)),
    st.integers(-2000, 2000).map(lambda offset: Rule(oom_score_offset=offset)),
)
FLOORS = st.one_of(st.just(Floor(None)), SCORES.map(Floor))


def reasons(target: Target) -> list[str]:
    return [remark.reason for remark in target.remarks]


def test_an_absolute_score_is_used_as_it_is() -> None:
    assert target_for(Rule(oom_score_adj=-500), 899, None) == Target(-500)


def test_an_offset_is_relative_to_the_kubelets_score() -> None:
    assert target_for(Rule(oom_score_offset=-200), 899, None) == Target(699)


def test_an_offset_beyond_the_range_is_clamped_and_reported() -> None:
    low = target_for(Rule(oom_score_offset=-2000), 2, None)
    high = target_for(Rule(oom_score_offset=2000), 2, None)
    assert (low.score, high.score) == (-997, 1000)
    assert reasons(low) == reasons(high) == ["Clamped"]
    assert "is -1998; -997 is set" in low.remarks[0].message


def test_below_the_floor_the_bound_is_set_and_reported() -> None:
    found = target_for(Rule(oom_score_adj=-600), 899, Floor(-500))
    assert (found.score, reasons(found)) == (-500, ["BelowFloor"])
    assert "asks for -600; -500 is set" in found.remarks[0].message


def test_the_floor_never_raises_the_kubelets_score() -> None:
    found = target_for(Rule(oom_score_adj=-997), -997, Floor(-500))
    assert found == Target(-997)


def test_the_floor_kubelet_only_allows_raising() -> None:
    assert target_for(Rule(oom_score_adj=950), 899, Floor(None)) == Target(950)
    lower = target_for(Rule(oom_score_offset=-1), 899, Floor(None))
    assert (lower.score, reasons(lower)) == (899, ["BelowFloor"])


def test_the_floor_does_not_apply_to_a_cluster_policy() -> None:
    assert target_for(Rule(oom_score_adj=-997), 899, None) == Target(-997)


def test_without_a_baseline_offsets_are_refused_and_absolute_scores_apply() -> None:
    assert reasons(target_for(Rule(oom_score_offset=5), None, None)) == ["BaselineUnknown"]
    assert target_for(Rule(oom_score_adj=-300), None, Floor(-500)) == Target(-300)
    below = target_for(Rule(oom_score_adj=-600), None, Floor(-500))
    assert (below.score, reasons(below)) == (-500, ["BelowFloor"])


def test_without_a_baseline_it_is_not_known_whether_a_score_is_raised() -> None:
    found = target_for(Rule(oom_score_adj=900), None, Floor(None))
    assert (found.score, reasons(found)) == (None, ["BaselineUnknown"])


def test_a_rule_of_a_newer_version_without_a_score_has_no_target() -> None:
    assert target_for(Rule(), 899, None) == Target()


@given(RULES, SCORES, FLOORS)
def test_a_namespaced_policy_never_goes_below_the_minimum_of_baseline_and_floor(
    rule: Rule, baseline: int, floor: Floor
) -> None:
    score = target_for(rule, baseline, floor).score
    assert score is not None
    lowest = baseline if floor.lowest is None else min(baseline, floor.lowest)
    assert lowest <= score <= 1000


@given(RULES, SCORES, FLOORS)
def test_every_score_that_differs_from_the_rule_is_reported(
    rule: Rule, baseline: int, floor: Floor
) -> None:
    found = target_for(rule, baseline, floor)
    requested = rule.oom_score_adj
    if requested is None:
        requested = baseline + (rule.oom_score_offset or 0)
    assert bool(found.remarks) is (found.score != requested)
    assert found.score is not None
    assert -997 <= found.score <= 1000


def with_processes(*scores: int, oom_score_adj: int | None = None) -> Rule:
    named = tuple(ProcessRule(command=f"{each}*", oom_score_adj=each) for each in scores)
    return Rule(processes=named, oom_score_adj=oom_score_adj)


def test_named_processes_get_their_own_scores_and_the_others_the_containers() -> None:
    found = target_for(with_processes(300, oom_score_adj=-400), 899, Floor(-500))
    assert found == Target(-400, (), (ProcessTarget("300*", 300),))


def test_a_rule_with_only_processes_leaves_the_others_with_the_kubelets_score() -> None:
    assert target_for(with_processes(300), 899, None).score == 899


def test_without_a_baseline_only_process_rules_apply() -> None:
    found = target_for(with_processes(300), None, Floor(-500))
    assert (found.score, found.processes) == (None, (ProcessTarget("300*", 300),))
    assert reasons(target_for(with_processes(300), None, Floor(None))) == ["BaselineUnknown"]


def test_the_floor_applies_to_processes_and_names_the_command() -> None:
    found = target_for(with_processes(-900, 300, oom_score_adj=-200), 899, Floor(-500))
    assert [each.score for each in found.processes] == [-500, 300]
    assert reasons(found) == ["BelowFloor"]
    assert "asks for -900 for '-900*'; -500 is set" in found.remarks[0].message
    cluster = target_for(with_processes(-900), 899, None)
    assert [each.score for each in cluster.processes] == [-900]


@given(st.lists(SCORES, min_size=1, max_size=4), SCORES, FLOORS)
def test_no_process_gets_less_than_the_floor_allows(
    scores: list[int], baseline: int, floor: Floor
) -> None:
    found = target_for(with_processes(*scores), baseline, floor)
    lowest = baseline if floor.lowest is None else min(baseline, floor.lowest)
    assert [each.score for each in found.processes] == [max(each, lowest) for each in scores]
    assert bool(found.remarks) is (min(scores) < lowest)
    assert found.score == baseline


def test_an_offset_is_added_to_the_kubelets_score_of_now_and_the_floor_stays() -> None:
    lower = Rule(oom_score_offset=-200)
    assert target_for(lower, 899, None, 700).score == 500
    assert target_for(lower, 899, Floor(None), 700).score == 899, "only raise: what was given"
    assert target_for(Rule(oom_score_adj=5), 899, None, 700).score == 5
    assert target_for(lower, None, None, 700).score is None
