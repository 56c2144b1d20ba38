"""Records are delivered after the agent's token is revoked and replaced in its file."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client
from oomwarden.kube.transport.client import Client
from oomwarden.kube.transport.resources import OOMKill

from e2e.agent_account import agent_pod, client_as_in_a_pod, delete_pod, token_of
from e2e.test_record_refusals import kill
from e2e.world import World, eventually

pytestmark = pytest.mark.usefixtures("definitions")

Manifest = dict[str, Any]


def record(pod: Any, namespace: str, name: str) -> Manifest:
    """Return a record of the agent's own node."""
    whole = kill(node=pod.spec.node_name)
    labels = {"oomwarden.io/node": pod.spec.node_name}
    whole["metadata"] = {"name": name, "namespace": namespace, "labels": labels}
    return whole


async def write_before_and_after_rotation(
    api: Client, records: Iterator[Manifest], rotate: Callable[[], None]
) -> None:
    """Create a record with the first token, and one after the token is revoked and replaced."""
    async with aclosing(api):
        await api.create(OOMKill, next(records))
        rotate()
        await api.create(OOMKill, next(records))


def test_a_revoked_token_is_replaced_by_the_one_in_its_file(
    control_plane: World, namespace: str, tmp_path: Path
) -> None:
    api = client_as_in_a_pod(control_plane, tmp_path)
    token = tmp_path / "token"
    with agent_pod(control_plane) as old, agent_pod(control_plane) as new:
        token.write_text(token_of(control_plane, old))

        def rotate() -> None:
            delete_pod(control_plane, old.metadata.name)
            eventually(lambda: refused(control_plane, token.read_text()), 60)
            token.write_text(token_of(control_plane, new))

        records = (record(old, namespace, name) for name in ("first", "second"))
        asyncio.run(write_before_and_after_rotation(api, records, rotate))
    kills = control_plane.kills(namespace)
    assert {each["metadata"]["name"] for each in kills} == {"first", "second"}


def refused(world: World, token: str) -> bool:
    """The API server refuses the token; it caches valid ones for 10 s."""
    review = client.V1TokenReview(spec=client.V1TokenReviewSpec(token=token))
    answer = client.AuthenticationV1Api(world.api).create_token_review(review)
    return not answer.status.authenticated
