"""Canaries: policies that select labels of the node."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from oomwarden.agent.informers.node_labels import FIRST_RETRY_SECONDS, REFRESH_SECONDS, NodeLabels
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


async def test_an_api_server_that_does_not_answer_is_asked_less_and_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await NodeLabels(lambda: None).run(refuse)
    assert pauses[0] <= 1.5 * FIRST_RETRY_SECONDS
    assert min(pauses[5:]) >= 0.5 * REFRESH_SECONDS
    assert max(pauses) <= 1.5 * REFRESH_SECONDS


def answer(labels: dict[str, str]) -> Callable[[], Awaitable[dict[str, str]]]:
    async def fetch() -> dict[str, str]:
        return labels

    return fetch


async def refuse() -> dict[str, str]:
    raise ConnectError("away")
