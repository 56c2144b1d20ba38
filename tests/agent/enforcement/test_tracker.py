"""What is decided again, and what is left as it was."""

import pytest
from msgspec.structs import replace
from oomwarden.agent.enforcement.evaluator import Decision, Evaluator
from oomwarden.agent.enforcement.governing import MAX_GONE
from oomwarden.agent.informers.inventory import Container
from oomwarden.core.enforcement.plan import Baseline, ScanOutcome

from tests.support.enforcing import OTHER, Node, policy


class Decided:
    """Names the containers that were evaluated since it was last asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str | None] = []
        decide = Evaluator.decide

        def noted(
            evaluator: Evaluator, one: Container, baseline: Baseline, before: Decision | None
        ) -> Decision | None:
            self.names.append(one.name)
            return decide(evaluator, one, baseline, before)

        monkeypatch.setattr(Evaluator, "decide", noted)

    def since(self, node: Node) -> list[str | None]:
        self.names.clear()
        node.tracker.update(node.now())
        return sorted(self.names, key=str)


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> Decided:
    return Decided(monkeypatch)


def two_containers(node: Node) -> tuple[Container, Container]:
    found = (node.container("a", "app", 0), node.container("b", "side", 0))
    node.pod("app", "side")
    for each in found:
        node.learn(each)
    node.put(policy())
    return found


async def test_only_what_has_changed_is_decided_again(node: Node, decided: Decided) -> None:
    app, _ = two_containers(node)
    assert decided.since(node) == ["app", "side"]
    assert decided.since(node) == []
    node.baselines.put(app, Baseline(OTHER))
    assert decided.since(node) == ["app"]
    node.pod("app", "side", labels={"app": "web"})
    assert decided.since(node) == ["app", "side"]
    node.put(policy(score=OTHER))
    assert decided.since(node) == ["app", "side"]
    node.switch("Pause")
    assert decided.since(node) == ["app", "side"]
    assert decided.since(node) == []


async def test_a_container_that_cannot_be_decided_on_is_tried_again(
    node: Node, decided: Decided
) -> None:
    app, side = two_containers(node)
    node.inventory.pods.clear()
    assert decided.since(node) == ["app", "side"]
    assert decided.since(node) == ["app", "side"]
    node.pod("app", "side")
    decided.since(node)
    assert decided.since(node) == []
    assert all(node.tracker.containers[each.cgroup.inode].plan for each in (app, side))


async def test_a_new_container_in_an_old_inode_is_decided_on(node: Node, decided: Decided) -> None:
    app, _ = two_containers(node)
    decided.since(node)
    later = replace(app, seen=9.0)
    node.inventory.containers[app.cgroup.inode] = later
    assert decided.since(node) == ["app"]
    assert node.tracker.containers[app.cgroup.inode].container is later


async def test_the_policy_of_a_living_container_is_never_forgotten(
    node: Node, decided: Decided
) -> None:
    app, side = two_containers(node)
    decided.since(node)
    tracked, governing = node.tracker.containers[side.cgroup.inode], node.tracker.governing
    assert tracked.decision is not None
    for inode in range(MAX_GONE + 1):
        governing.remember(-1 - inode, tracked.decision, Baseline(0), node.tracker.mode)
    node.tracker.update(node.now())
    assert governing.of(app.cgroup.inode) is not None
    assert governing.of(-1) is None


async def test_a_container_with_the_same_plan_as_before_stays_confirmed(node: Node) -> None:
    app, _ = two_containers(node)
    node.tracker.update(node.now())
    tracked = node.tracker.containers[app.cgroup.inode]
    assert tracked.plan is not None
    outcome = ScanOutcome(tracked.plan.target)
    tracked.outcome = tracked.confirmed = outcome
    node.pod("app", "side", "third")
    node.tracker.update(node.now())
    assert tracked.confirmed is outcome
    node.put(policy(rule={"oomScoreAdj": OTHER + 1}))
    node.tracker.update(node.now())
    assert tracked.confirmed is None
