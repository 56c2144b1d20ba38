"""A token that is taken back and replaced in its file stops no record."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client
from oomwarden.kube.client import Client, connect
from oomwarden.kube.resources import OOMKill

from e2e.test_record_refusals import kill
from e2e.world import NAMESPACE, Release, World, eventually

Manifest = dict[str, Any]


def token_of(world: World, pod: Any) -> str:
    """Ask for a token as the kubelet does for an agent: bound to its pod, and so to its node."""
    bound = {"kind": "Pod", "apiVersion": "v1", "name": pod.metadata.name, "uid": pod.metadata.uid}
    request = {"spec": {"expirationSeconds": 600, "boundObjectRef": bound, "audiences": []}}
    answer = world.core.create_namespaced_service_account_token(
        "oomwarden-agent", NAMESPACE, request
    )
    return str(answer.status.token)


def agents_kubeconfig(world: World, folder: Path) -> Path:
    """Write a kubeconfig that reads its token from a file."""
    config = yaml.safe_load(world.cluster.kubeconfig.read_text())
    config["users"] = [{"name": "agent", "user": {"tokenFile": str(folder / "token")}}]
    for context in config["contexts"]:
        context["context"]["user"] = "agent"
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


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
    world: World,
    release: Release,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(agents_kubeconfig(world, tmp_path)))
    (old,) = release.agents()
    token = tmp_path / "token"
    token.write_text(token_of(world, old))

    def rotate() -> None:
        world.core.delete_namespaced_pod(old.metadata.name, NAMESPACE)
        (new,) = eventually(
            lambda: [a for a in ready(release) if a.metadata.uid != old.metadata.uid]
        )
        eventually(lambda: refused(world, token.read_text()), 60)
        token.write_text(token_of(world, new))

    told = (record(old, namespace, name) for name in ("first", "second"))
    asyncio.run(story(connect(), told, rotate))
    assert {each["metadata"]["name"] for each in world.kills(namespace)} == {"first", "second"}


def ready(release: Release) -> list[Any]:
    return [agent for agent in release.agents() if agent.status.phase == "Running"]


def refused(world: World, token: str) -> bool:
    """The API server no longer takes the token; it remembers a good one for 10 s."""
    review = client.V1TokenReview(spec=client.V1TokenReviewSpec(token=token))
    answer = client.AuthenticationV1Api(world.api).create_token_review(review)
    return not answer.status.authenticated
