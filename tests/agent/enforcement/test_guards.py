"""The agent holds the bounds alone: the schema is loosened, and no admission policy is there."""

from collections.abc import Iterable
from typing import Any

import pytest
from oomwarden.agent.enforcement import evaluator
from oomwarden.core.enforcement.evaluation import Evaluation, evaluate
from oomwarden.core.enforcement.scoring import Floor
from oomwarden.core.policy.policy import Policy

from tests.support.enforcing import GIVEN, OTHER, TARGET, Node, policy, server

NEVER = "-1000 is never allowed"


def by_process(score: int, **rule: object) -> dict[str, Any]:
    return {"processes": [{"command": "cat*", "oomScoreAdj": score}], **rule}


@pytest.mark.parametrize(
    ("rule", "field", "why"),
    [
        ({"oomScoreAdj": -1000}, "spec.rules[0].oomScoreAdj: ", NEVER),
        ({"oomScoreAdj": -999}, "spec.rules[0].oomScoreAdj: ", "daemons of the node"),
        ({"oomScoreAdj": -998}, "spec.rules[0].oomScoreAdj: ", "pause container"),
        ({"oomScoreAdj": 1001}, "spec.rules[0].oomScoreAdj: ", "1000"),
        ({"oomScoreOffset": -2001}, "spec.rules[0].oomScoreOffset: ", "-2000"),
        (by_process(-1000), "spec.rules[0].processes[0].oomScoreAdj: ", NEVER),
        (by_process(-998, oomScoreAdj=1), "spec.rules[0].processes[0].oomScoreAdj: ", "pause"),
    ],
)
async def test_a_policy_out_of_range_is_unreadable_with_the_reason_and_never_written(
    node: Node, rule: dict[str, Any], field: str, why: str
) -> None:
    app, _ = server(node, "cat")
    node.put(policy("greedy", rule=rule, priority=9))
    await node.scores.step()
    (refusal,) = node.report("greedy").refusals
    assert (refusal.reason, node.report("greedy").observed_generation) == ("Unreadable", 0)
    assert field in refusal.message
    assert why in refusal.message
    assert set(node.scores_of(app)) == {GIVEN}
    assert node.reported()[0].containers == 0


@pytest.mark.parametrize(
    "rule",
    [
        {"oomScoreAdj": -900},
        {"oomScoreOffset": -2000},
        by_process(-900),
        by_process(-900, oomScoreAdj=-900),
    ],
)
@pytest.mark.parametrize("floor", [Floor(None), Floor(GIVEN)])
async def test_a_namespaced_policy_below_the_floor_gets_the_floor_and_reports_it(
    node: Node, rule: dict[str, Any], floor: Floor
) -> None:
    node.tracker.evaluator.floor = floor
    app, _ = server(node, "cat")
    node.put(policy("greedy", rule=rule))
    await node.scores.step()
    assert set(node.scores_of(app)) == {GIVEN}
    report = node.report("greedy")
    assert report.refused == 1
    assert {each.reason for each in report.refusals} == {"BelowFloor"}


async def test_500_policies_on_one_pod_are_evaluated_reported_and_put_back(node: Node) -> None:
    app = node.container("a", "app")
    node.pod("app")
    node.learn(app)
    losers = [policy(f"p{number:03}", OTHER, priority=number) for number in range(499)]
    node.put(*losers, policy("boss", TARGET, priority=1000))
    await node.scores.step()
    assert node.scores_of(app) == [TARGET]
    assert node.report("boss").enforced == 1
    (refusal,) = node.report("p498").refusals
    assert "OOMPolicy shop/boss ranks higher" in refusal.message
    node.put()
    await node.scores.step()
    assert node.scores_of(app) == [GIVEN]


async def test_replicas_of_a_pod_are_evaluated_once(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def count(policies: Iterable[Policy], name: str, *given: Any) -> Evaluation:  # noqa: ANN401
        asked.append(name)
        return evaluate(policies, name, *given)

    monkeypatch.setattr(evaluator, "evaluate", count)
    first, second = node.container("a", "app"), node.container("b", "app")
    node.pod("app", "app")
    for each in (first, second):
        node.learn(each)
    node.put(policy())
    await node.scores.step()
    assert asked == ["app"]
    node.put(policy(score=OTHER))
    await node.scores.step()
    assert asked == ["app", "app"]
