from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.policy_preview.cluster_state import ClusterState, PolicyChange, changed
from oomwarden.core.policy_preview.plan_report import plan_report
from oomwarden.core.policy_preview.preview import PlanResult

from tests.support.previews import node, parsed, policy_manifest, running, state_of

NAMES = st.sampled_from(["a", "b"])
RULES = st.fixed_dictionaries(
    {},
    optional={
        "containers": st.sampled_from([["*"], ["app"], ["x"]]),
        "oomScoreAdj": st.sampled_from([-700, -300, 5, 1000]),
        "memory": st.sampled_from([{"limit": "3Gi"}, {"groupKill": False}, {"limit": "1Mi"}]),
    },
).filter(lambda rule: "oomScoreAdj" in rule or "memory" in rule)
POLICIES = st.builds(
    lambda name, namespace, rules, mode, priority: policy_manifest(
        name, namespace, rules=rules, mode=mode, priority=priority
    ),
    NAMES,
    st.sampled_from(["shop", None]),
    st.lists(RULES, min_size=1, max_size=2),
    st.sampled_from(["Enforce", "Observe"]),
    st.integers(0, 2),
)


def applied(state: ClusterState, changes: list[PolicyChange]) -> ClusterState:
    policies = changed(state.policies, changes)
    return ClusterState(state.pods, policies, nodes=state.nodes, floor=state.floor)


LISTS = st.lists(POLICIES, max_size=3)


@given(LISTS, st.lists(POLICIES, min_size=1, max_size=2))
def test_what_was_applied_no_longer_changes_anything(
    existing: list[dict[str, Any]], new: list[dict[str, Any]]
) -> None:
    """Whoever governs is the same; a limit is that of the pod, which nobody has set yet."""
    changes = [PolicyChange(parsed(each)) for each in new]
    state = applied(state_of(running(), node(), *existing), changes)
    found = plan_report(state, changes).containers
    assert all(each.before == each.after for each in found if each.result != PlanResult.OBSERVED)


@given(existing=LISTS, new=LISTS, deleted=st.booleans())
def test_each_result_says_what_the_settings_say(
    *, existing: list[dict[str, Any]], new: list[dict[str, Any]], deleted: bool
) -> None:
    state = state_of(running(), node(), *existing)
    changes = [PolicyChange(parsed(each), deleted) for each in new]
    for each in plan_report(state, changes).containers:
        same = each.before.effect == each.after.effect
        assert each.policy in {change.key for change in changes}
        assert (each.result is PlanResult.STAY) <= same
        assert (each.result is PlanResult.CHANGE) <= (not same)
        assert (each.result in {PlanResult.REFUSED, PlanResult.INEFFECTIVE}) <= bool(each.remarks)
        if each.result is PlanResult.OVERRIDDEN:
            assert each.after.policy not in {None, each.policy}


@given(LISTS, st.lists(POLICIES, min_size=1, max_size=1))
def test_deleting_what_was_applied_leads_back(
    existing: list[dict[str, Any]], new: list[dict[str, Any]]
) -> None:
    change = PolicyChange(parsed(new[0]))
    state = state_of(running(), node(), *existing)
    before = applied(state, [PolicyChange(change.policy, deleted=True)])
    there = plan_report(before, [change]).containers
    back = plan_report(applied(before, [change]), [PolicyChange(change.policy, deleted=True)])
    scores = {each.container: each.before.score for each in there}
    for each in back.containers:
        assert each.after.score == scores[each.container]
