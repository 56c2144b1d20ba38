"""Pods say whose policies are held; a pod whose policies are not known is left as it is."""

from typing import Any

from oomwarden.agent.flows.watches import ApiWatches
from oomwarden.agent.recording.misreports import MisreportNotifier
from oomwarden.core.objects.needed_fields import pod_fields
from oomwarden.kube.transport.errors import WriteOutcome, WriteResult

from tests.support.enforcing import GIVEN, TARGET, Node, listed, policy


async def nothing(_: dict[str, Any]) -> WriteResult:
    return WriteResult(WriteOutcome.DONE, "")


def watches_of(node: Node) -> ApiWatches:
    return ApiWatches(node.parts, MisreportNotifier(nothing))


def manifest(name: str, namespace: str, labels: int = 0) -> dict[str, Any]:
    many = {f"label-{number:04}": "x" * 60 for number in range(labels)}
    metadata = {"name": name, "namespace": namespace, "uid": name, "labels": many}
    return {"metadata": metadata, "spec": {"containers": [{"name": "app"}]}, "status": {}}


async def test_policies_are_cached_for_the_namespaces_of_the_pods_here(
    node: Node,
) -> None:
    watches = watches_of(node)
    (pods,) = [each.handler for each in watches.all if each.name == "pods"]
    pods.replace([pod_fields(manifest("a", "shop")), pod_fields(manifest("b", "web"))])
    listed(node.view.policies, "OOMPolicy")
    assert (node.view.policies.is_listed("web"), node.view.policies.is_listed("other")) == (
        True,
        False,
    )
    pods.apply(pod_fields(manifest("c", "other")))
    assert node.view.policies.unlisted("OOMPolicy") == (["other"], [])


async def test_a_pod_that_is_only_kept_in_part_is_named_in_a_condition(node: Node) -> None:
    watches = watches_of(node)
    (pods,) = [each.handler for each in watches.all if each.name == "pods"]
    assert watches.beyond_bounds()[0] == ""
    pods.replace([pod_fields(manifest("a", "shop", labels=1000))])
    remedy, reason = watches.beyond_bounds()
    assert reason == "LeftOut"
    assert "shop/a: 766 of 1000 labels" in remedy


async def test_a_pod_whose_policies_are_not_known_yet_is_not_changed(node: Node) -> None:
    node.pod("app")
    container = node.container("a", "app")
    node.learn(container)
    node.put(policy(score=TARGET))
    book = node.view.policies
    book.track_namespaces({"elsewhere"}, 1000.0)
    await node.scores.step()
    assert node.scores_of(container) == [GIVEN]
    book.track_namespaces({"shop"}, 1000.0)
    fresh = book.begin_list("OOMPolicy", "shop")
    fresh.add(policy(score=TARGET))
    book.apply_list(fresh)
    await node.scores.step()
    assert node.scores_of(container) == [TARGET]
