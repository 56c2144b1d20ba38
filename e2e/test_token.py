"""A token that is taken back and replaced in its file stops no record."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client
from oomwarden.kube.transport.client import Client, connect
from oomwarden.kube.transport.resources import OOMKill

from e2e.agent_account import agent_pod, agents_kubeconfig, forget, token_of
from e2e.test_record_refusals import kill
from e2e.world import World, eventually

pytestmark = pytest.mark.usefixtures("definitions")

Manifest = dict[str, Any]


def record(pod: Any, namespace: str, name: str) -> Manifest:
    """Give a record of the agent's own node."""
    whole = kill(node=pod.spec.node_name)
    labels = {"oomwarden.io/node": pod.spec.node_name}
    whole["metadata"] = {"name": name, "namespace": namespace, "labels": labels}
    return whole


async def story(api: Client, told: Iterator[Manifest], rotate: Callable[[], None]) -> None:
    """Write with the first token, after it was taken back, and after the file has a new one."""
    async with aclosing(api):
        await api.create(OOMKill.from_dict(next(told)))
        rotate()
        await api.create(OOMKill.from_dict(next(told)))


def test_a_token_that_was_taken_back_is_replaced_by_the_one_in_its_file(
    control_plane: World, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(agents_kubeconfig(control_plane, tmp_path)))
    token = tmp_path / "token"
    with agent_pod(control_plane) as old, agent_pod(control_plane) as new:
        token.write_text(token_of(control_plane, old))

        def rotate() -> None:
            forget(control_plane, old.metadata.name)
            eventually(lambda: refused(control_plane, token.read_text()), 60)
            token.write_text(token_of(control_plane, new))

        told = (record(old, namespace, name) for name in ("first", "second"))
        asyncio.run(story(connect(), told, rotate))
    kills = control_plane.kills(namespace)
    assert {each["metadata"]["name"] for each in kills} == {"first", "second"}


def refused(world: World, token: str) -> bool:
    """The API server no longer takes the token; it remembers a good one for 10 s."""
    review = client.V1TokenReview(spec=client.V1TokenReviewSpec(token=token))
    answer = client.AuthenticationV1Api(world.api).create_token_review(review)
    return not answer.status.authenticated
