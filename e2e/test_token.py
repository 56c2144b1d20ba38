"""The transport of a pod on a real API server: rotated tokens, pages, streamed lists."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client
from oomwarden.kube.transport import client as transport
from oomwarden.kube.transport.client import Client, ListOptions
from oomwarden.kube.transport.resources import OOMKill, OOMPolicy

from e2e.agent_account import ACCOUNT, agent_pod, client_as_in_a_pod, delete_pod, token_of
from e2e.test_record_refusals import kill
from e2e.workloads import policy
from e2e.world import NAMESPACE, World, eventually

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


def test_a_list_is_streamed_or_read_in_pages_and_both_are_complete(
    control_plane: World, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real API server knows the annotation that ends a streamed list, and the pages' tokens."""
    monkeypatch.setattr(transport, "PAGE_SIZE", 2)
    token = control_plane.cluster.kubectl("create", "token", ACCOUNT, "-n", NAMESPACE)
    (tmp_path / "token").write_text(token)
    names = [f"p{number}" for number in range(5)]
    for each in names:
        control_plane.apply(policy(namespace, each, {"app": "x"}, {"oomScoreAdj": 5}))
    what = ListOptions(OOMPolicy, namespace)

    async def lists() -> tuple[list[str], list[str], list[str]]:
        async with aclosing(client_as_in_a_pod(control_plane, tmp_path)) as api:
            listed = await api.list_objects(what, None, name_of_object)
            streamed = await api.stream_objects(what, listed.version, 60, name_of_object)
            assert streamed is not None
            assert streamed.changes is not None
            control_plane.delete_policy(namespace, "p0")
            kind, manifest = await anext(streamed.changes)
            await streamed.changes.aclose()
            return listed.objects, streamed.objects, [kind, name_of_object(manifest)]

    assert asyncio.run(lists()) == (names, names, ["DELETED", "p0"])


def name_of_object(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])


def refused(world: World, token: str) -> bool:
    """The API server refuses the token; it caches valid ones for 10 s."""
    review = client.V1TokenReview(spec=client.V1TokenReviewSpec(token=token))
    answer = client.AuthenticationV1Api(world.api).create_token_review(review)
    return not answer.status.authenticated
