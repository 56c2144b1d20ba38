"""Canaries: policies that select labels of the node."""

from collections.abc import Awaitable, Callable

from oomwarden.agent.informers.node_labels import NodeLabels
from oomwarden.kube.http.failures import ConnectError

from tests.support.enforcing import GIVEN, TARGET, Node, listed, policy


def canary() -> dict[str, object]:
    described = policy("canary", nodeSelector={"matchLabels": {"canary": "yes"}})
    return {**described, "metadata": {"name": "canary", "generation": 1}}


async def test_a_canary_policy_starts_and_ends_with_the_label_of_the_node(node: Node) -> None:
    app = node.container("a", "app")
    node.pod("app")
    node.learn(app)
    node.put()
    listed(node.view.policies, "ClusterOOMPolicy", canary())
    await node.scores.step()
    assert node.scores_of(app) == [GIVEN]
    for labels, score in (({"canary": "yes"}, TARGET), ({}, GIVEN)):
        await node.view.node.refresh(answer(labels))
        await node.scores.step()
        assert node.scores_of(app) == [score]


async def test_until_the_labels_are_known_containers_are_left_as_they_are(node: Node) -> None:
    app = node.container("a", "app")
    node.pod("app")
    node.learn(app)
    node.view.node.labels = None
    node.put(policy())
    await node.scores.step()
    assert node.scores_of(app) == [TARGET]  # no policy needs them
    listed(node.view.policies, "ClusterOOMPolicy", canary())
    node.put(policy(score=TARGET + 1))
    await node.scores.step()
    assert node.scores_of(app) == [TARGET]


async def test_known_labels_stay_while_the_api_server_does_not_answer() -> None:
    changes: list[int] = []
    known = NodeLabels(lambda: changes.append(1))
    assert await known.refresh(answer({"zone": "a"}))
    assert await known.refresh(answer({"zone": "a"}))
    assert not await known.refresh(refuse)
    assert (known.labels, len(changes)) == ({"zone": "a"}, 1)


def answer(labels: dict[str, str]) -> Callable[[], Awaitable[dict[str, str]]]:
    async def fetch() -> dict[str, str]:
        return labels

    return fetch


async def refuse() -> dict[str, str]:
    raise ConnectError("away")
