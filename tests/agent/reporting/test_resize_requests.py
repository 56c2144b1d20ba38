"""What the node's agent asks of the operator, and what it says of that under the policy."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace
from oomwarden.agent.informers.limits import LimitCache
from oomwarden.agent.reporting import resize_requests
from oomwarden.agent.reporting.resize_requests import MAX_ASKED, in_turn
from oomwarden.api.codec.codec import decode
from oomwarden.api.oomlimit import Step
from oomwarden.api.oomnode import Resize
from oomwarden.core.limits.desired_limit import LimitContext, LimitDecision, evaluate_limit
from oomwarden.core.model.limit_ownership import LimitOwner, LimitOwnership
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, PodFacts, SpecLimit
from oomwarden.core.policy.matching import Match

from tests.support.enforcing import Node, policy
from tests.support.resized import MI

LIMIT: dict[str, Any] = {"memory": {"limit": "1Gi"}}


async def limited(
    node: Node, asked: int = 512, owner: LimitOwner | None = None, *manifests: dict[str, Any]
) -> PodFacts:
    """A pod whose container has a limit in Mi, under these policies."""
    app = node.container("a", "app")
    pod = node.pod("app")
    spec = SpecLimit(asked * MI, LimitOwnership(owner))
    (one,) = pod.containers
    pod = replace(pod, containers=(replace(one, limit=asked * MI, spec=spec),))
    node.inventory.pods[pod.cgroup_uid] = pod
    node.learn(app)
    node.put(*manifests)
    await node.scores.step()
    return pod


def asked(node: Node) -> list[tuple[str, str, str]]:
    node.reported()
    resizes, _ = node.requests.asked
    return [(each.container, each.limit, each.policy) for each in resizes]


async def test_a_limit_is_asked_for_and_the_policy_says_so(node: Node) -> None:
    pod = await limited(node, 512, None, policy(rule=LIMIT))
    assert asked(node) == [("app", "1Gi", "OOMPolicy shop/protect")]
    (resize,) = node.requests.asked[0]
    assert (resize.namespace, resize.pod, resize.uid) == ("shop", "db-0", pod.uid)
    report = node.report("protect")
    assert (report.matched, report.enforced, report.refused) == (1, 0, 1)
    assert [each.reason for each in report.refusals] == ["ResizeAsked"]


async def test_a_limit_that_is_in_effect_is_not_asked_for(node: Node) -> None:
    await limited(node, 1024, None, policy(rule=LIMIT))
    assert asked(node) == []
    report = node.report("protect")
    assert (report.enforced, report.refused) == (1, 0)


async def test_observe_counts_and_asks_for_nothing(node: Node) -> None:
    await limited(node, 512, None, policy(rule=LIMIT, mode="Observe"))
    assert asked(node) == []
    report = node.report("protect")
    assert (report.observed, report.refused) == (1, 0)


async def test_observe_reports_what_would_keep_the_limit_from_being_set(node: Node) -> None:
    pod = await limited(node, 512, None, policy(rule=LIMIT, mode="Observe"))
    node.inventory.pods[pod.cgroup_uid] = replace(pod, uid="mirror")
    node.changed.set()
    await node.scores.step()
    report = node.report("protect")
    assert (report.observed, report.refused) == (1, 1)
    assert [each.reason for each in report.refusals] == ["StaticPod"]


async def test_a_limit_set_by_oomwarden_counts_as_applied_until_it_is_put_back(node: Node) -> None:
    await limited(node, 1024, LimitOwner(Step.LIMIT, 512 * MI))
    assert asked(node) == [("app", "512Mi", "")]
    assert node.reported()[0].containers == 1
    await limited(node, 512, LimitOwner(Step.LIMIT, 512 * MI))
    assert asked(node) == []
    assert node.reported()[0].containers == 0


async def test_the_switch_decides_between_policy_pause_and_putting_back(node: Node) -> None:
    await limited(node, 700, LimitOwner(Step.LIMIT, 512 * MI), policy(rule=LIMIT))
    for mode, expected in (("Enforce", ["1Gi"]), ("Pause", []), ("Release", ["512Mi"])):
        node.switch(mode)
        await node.scores.step()
        assert [limit for _, limit, _ in asked(node)] == expected, mode


async def test_a_running_pod_beyond_the_cap_is_not_asked_for_before_its_turn(node: Node) -> None:
    now = [1000.0]
    node.cap(0, 1, lambda: now[0])
    node.scores.caps._pods = node.scores.caps._pods.spend(1, now[0])
    await limited(node, 512, None, policy(rule=LIMIT))
    assert asked(node) == []
    assert [each.reason for each in node.report("protect").refusals] == ["Waiting"]
    now[0] += 61.0
    assert len(asked(node)) == 1


async def test_of_many_requests_fifty_are_reported_and_the_others_counted(node: Node) -> None:
    pod = await limited(node, 512, None, policy(rule=LIMIT))
    (one,) = pod.containers
    (container,) = node.inventory.containers.values()
    several: list[ContainerFacts] = []
    for number in range(MAX_ASKED + 10):
        digits = f"{number:064x}"
        several.append(replace(one, name=f"app-{number}", container_id=digits))
        cgroup = replace(container.cgroup, inode=10_000 + number, container_id=digits)
        other = type(container)(cgroup, 0.0, f"app-{number}")
        node.inventory.containers[cgroup.inode] = other
        node.learn(other)
    node.inventory.pods[pod.cgroup_uid] = replace(pod, containers=(one, *several))
    node.changed.set()
    await node.scores.step()
    assert len(asked(node)) == MAX_ASKED
    assert node.requests.asked[1] == 11
    parts = map(node.requests.part, node.tracker.containers.values())
    reasons = [remark.reason for part in parts for remark in part.remarks]
    assert (reasons.count("ResizeAsked"), reasons.count("ResizeWaits")) == (MAX_ASKED, 11)


def test_what_puts_back_comes_first_and_each_of_the_others_comes_to_its_turn() -> None:
    def ask(number: int, policy: str = "OOMPolicy shop/protect") -> tuple[Resize, int]:
        names = {"namespace": "shop", "pod": f"p-{number}", "uid": "u", "container": "app"}
        return decode(Resize, {**names, "limit": "1Gi", "policy": policy}), number

    asks = [*[ask(number) for number in range(120)], ask(500, ""), ask(501, "")]
    seen = set[int]()
    for turn in range(3):
        found = [number for _, number in in_turn(asks, turn)]
        assert found[:2] == [500, 501]
        assert sorted(found) == sorted(number for _, number in asks)
        seen |= set(found[:MAX_ASKED])
    assert len(seen) == len(asks)
    assert [number for _, number in in_turn(asks[:40], 7)] == list(range(40))


def record(limit: str, uid: str) -> dict[str, Any]:
    kept = {"name": "app", "step": "Limit", "before": "256Mi", "limit": limit, "at": "t"}
    return {"metadata": {"name": uid}, "spec": {"containers": [kept]}}


async def test_a_limit_recorded_by_the_operator_is_put_back_by_that_record(node: Node) -> None:
    pod = await limited(node, 512)
    book, news = node.view.limits, list[str]()
    book.changed = lambda: news.append("news")
    assert asked(node) == []
    book.replace([record("512Mi", pod.uid)])
    assert asked(node) == [("app", "256Mi", "")]
    book.apply(record("600Mi", pod.uid))
    assert asked(node) == [], "somebody has changed it"
    book.apply(record("600Mi", pod.uid))
    book.apply(record("512Mi", pod.uid))
    assert asked(node) == [("app", "256Mi", "")]
    book.delete(record("512Mi", pod.uid))
    assert asked(node) == []
    assert len(news) == 4


async def test_nothing_is_reported_before_the_oomlimits_are_listed_or_a_time_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    book = LimitCache(lambda: None)
    await book.wait_for_sync(0.0)
    assert "not counted" in caplog.text
    caplog.clear()
    book.replace([])
    await book.wait_for_sync(60.0)
    assert caplog.text == ""


async def test_a_report_only_reads_and_spends_no_turn_of_the_cap(node: Node) -> None:
    caps = node.cap(0, 1, lambda: 1000.0)
    await limited(node, 512, None, policy(rule=LIMIT))
    before = caps._pods
    for _ in range(3):
        node.reporter.report()
    assert (caps._pods, node.requests.asked) == (before, ((), 0))


async def test_a_decision_has_limits_evaluated_and_the_status_written(node: Node) -> None:
    await limited(node, 512)
    node.requests.evaluate()
    status = node.parts.signals.status
    status.clear()
    requests = asyncio.create_task(node.requests.run())
    await asyncio.sleep(0)
    assert not status.is_set(), "nothing is asked, as before"
    node.put(policy(rule=LIMIT))
    await node.scores.step()
    status.clear()
    assert await status.wait(10), "the evaluation has found something to ask"
    assert [each.limit for each in node.requests.asked[0]] == ["1Gi"]
    requests.cancel()


async def test_only_what_depends_on_the_memory_in_use_is_evaluated_without_news(
    node: Node,
) -> None:
    await limited(node, 512, None, policy())
    node.requests.evaluate()
    assert node.requests._watched == frozenset()
    await limited(node, 512, None, policy(rule=LIMIT))
    (inode,) = node.tracker.containers
    node.requests.evaluate()
    assert node.requests._watched == {inode}
    before = (node.requests.asked, dict(node.requests._found))
    node.requests.evaluate(node.requests._watched)
    assert (node.requests.asked, node.requests._found) == before
    node.inventory.containers.clear()
    node.requests.evaluate(node.requests._watched)
    assert (node.requests.asked, node.requests._found) == (((), 0), {})


async def test_a_limit_that_may_be_put_back_later_is_evaluated_without_news(node: Node) -> None:
    await limited(node, 512, LimitOwner(Step.LIMIT, 256 * MI))
    node.requests.evaluate()
    assert node.requests._watched == set(node.tracker.containers)


async def test_news_of_one_container_costs_no_evaluation_of_the_quiet_ones(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated: list[str] = []

    def counted(
        context: LimitContext, winner: Match | None, mode: EnforcementMode | None
    ) -> LimitDecision:
        evaluated.append(context.container.name)
        return evaluate_limit(context, winner, mode)

    monkeypatch.setattr(resize_requests, "evaluate_limit", counted)
    await limited(node, 512, None, policy())
    node.requests.evaluate()
    node.requests.evaluate()
    assert evaluated == ["app"], "nothing has changed"
    node.view.limits.replace([])
    node.requests.evaluate()
    assert evaluated == ["app", "app"], "a record of the operator may say more"
