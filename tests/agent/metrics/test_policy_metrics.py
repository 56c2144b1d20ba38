"""Metrics of policies, on real processes in fake cgroups."""

import time

import pytest
from oomwarden.core.metrics.counter_series import ZERO_SECONDS
from oomwarden.core.metrics.families.nodes import (
    APPLIED_CONTAINERS,
    POLICY_CONTAINERS,
    POLICY_REFUSED_CONTAINERS,
    SCORE_REPAIRS,
)
from oomwarden.core.metrics.family import Family
from oomwarden.core.policy.policy import PolicyKey

from tests.support.enforcing import GIVEN, Node, policy, scan_again, write_score

PROTECT = ("OOMPolicy", "shop", "protect")


async def enforced(node: Node) -> int:
    """Enforce a policy on a container; return its process."""
    app = node.container("a", "app")
    node.pod("app")
    node.learn(app)
    node.put(policy())
    await node.scores.step()
    node.flow.metrics.reported(node.reporter.report())
    return node.pids(app)[0]


def values(node: Node, family: Family) -> dict[tuple[str, ...], float]:
    found = dict(node.flow.metrics.families())[family]
    return {each.labels: each.value for each in found}


async def test_a_policy_in_force_is_enforced_and_refused_nowhere(node: Node) -> None:
    await enforced(node)
    expected = {"Enforced": 1, "Refused": 0, "Observed": 0}
    states = {(*PROTECT, state): count for state, count in expected.items()}
    assert values(node, POLICY_CONTAINERS) == states
    assert values(node, APPLIED_CONTAINERS) == {(): 1}
    assert values(node, POLICY_REFUSED_CONTAINERS) == values(node, SCORE_REPAIRS) == {}


async def test_a_score_that_drifted_is_a_repair_and_a_new_process_is_none(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = await enforced(node)
    (app,) = node.inventory.containers.values()
    node.spawn(app.cgroup.path, GIVEN)
    await scan_again(node)
    now = time.monotonic() + ZERO_SECONDS
    assert values(node, SCORE_REPAIRS) == {}
    write_score(pid, GIVEN)
    for _ in range(12):  # only every twelfth scan reads what was right before
        await scan_again(node)
    monkeypatch.setattr(time, "monotonic", lambda: now + ZERO_SECONDS)
    assert values(node, SCORE_REPAIRS) == {PROTECT: 1}


async def test_a_refusal_is_counted_by_its_reason(node: Node) -> None:
    app, other = node.container("a", "app"), node.container("b", "other")
    node.pod("app", "other")
    for each in (app, other):
        node.learn(each)
    node.put(policy("high", priority=2), policy("low"))
    await node.scores.step()
    node.flow.metrics.reported(node.reporter.report())
    low = ("OOMPolicy", "shop", "low")
    assert values(node, POLICY_REFUSED_CONTAINERS) == {(*low, "Overridden"): 2}
    assert values(node, POLICY_CONTAINERS)[*low, "Refused"] == 2


async def test_a_policy_that_matches_nothing_any_more_has_no_series(node: Node) -> None:
    await enforced(node)
    node.flow.metrics.repaired(PolicyKey(*PROTECT), 3)
    node.inventory.containers.clear()
    await scan_again(node)
    node.flow.metrics.reported(node.reporter.report())
    assert values(node, POLICY_CONTAINERS) == values(node, SCORE_REPAIRS) == {}
