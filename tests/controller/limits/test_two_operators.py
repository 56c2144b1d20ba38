"""Two operators at once, as while one takes over, respond to a kill and set a limit only once."""

import asyncio
import contextlib
from collections.abc import Callable
from random import Random
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from oomwarden.api.oomlimit import KeptLimit
from oomwarden.api.oomnode import Resize
from oomwarden.controller.limits import resizer as resizer_module
from oomwarden.controller.limits.oom_responder import OOMResponder
from oomwarden.controller.limits.resizer import Resizer
from oomwarden.core.limits.authorization import ResizeContext
from oomwarden.core.model.limit_ownership import with_ownership
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts
from oomwarden.core.model.quantity import parse_bytes
from oomwarden.core.objects.unreadable import UnreadableObjects
from oomwarden.core.policy.policy import Policy
from oomwarden.kube.pod_resizes import ResizeTarget
from oomwarden.kube.transport.errors import WriteResult

from tests.support.answering import NOW, RAISE, Kills, kill
from tests.support.cluster_of_one import MI, OnePod, granting, refused

CONFLICT = (409, "the object has been modified")


class SharedCluster(Kills):
    """One pod, its OOMLimit and its OOMKill, with versions; each call takes a random time."""

    def __init__(self, chance: Random, policy: Policy) -> None:
        super().__init__(kill())
        self.chance, self.policy = chance, policy
        self.limit, self.version = 512 * MI, 1
        self.kept: KeptLimit | None = None
        self.record_version: int | None = None
        self.patches: list[int] = []
        self.calls = 0

    async def travel(self) -> None:
        for _ in range(self.chance.randrange(6)):
            await asyncio.sleep(0)

    async def read_target(self, namespace: str, pod: str, container: str) -> ResizeTarget:
        await self.travel()
        found = await OnePod((self.policy,)).read_target(namespace, pod, container)
        facts, one = found.context.pod, found.context.container
        assert facts is not None
        assert one is not None
        record = {"metadata": {"resourceVersion": self.record_version}} if self.kept else None
        limits = with_limit(one, self.limit, self.kept)
        context = ResizeContext(facts, limits, "node-1", (self.policy,), EnforcementMode.ENFORCE)
        found = ResizeTarget(context, str(self.version), self.kept, record)
        await self.travel()
        return found

    async def store(self, found: ResizeTarget, kept: KeptLimit | None) -> ResizeTarget:
        await self.travel()
        read = found.record["metadata"]["resourceVersion"] if found.record else None
        if read != self.record_version:
            raise refused(*CONFLICT)
        self.calls += 1
        self.kept, self.record_version = kept, self.calls if kept else None
        record = {"metadata": {"resourceVersion": self.record_version}} if kept else None
        await self.travel()
        return ResizeTarget(found.context, found.resource_version, kept, record)

    async def resize(
        self, _namespace: str, _pod: str, patch: dict[str, Any], _manager: str
    ) -> None:
        await self.travel()
        if patch["metadata"]["resourceVersion"] != str(self.version):
            raise refused(*CONFLICT)
        self.version += 1
        (changed,) = patch["spec"]["containers"]
        self.limit = parse_bytes(changed["resources"]["limits"]["memory"])
        self.patches.append(self.limit)
        await self.travel()

    async def write_response(self, namespace: str, name: str, response: dict[str, Any]) -> bool:
        await self.travel()
        if self.written:
            return False
        await super().write_response(namespace, name, response)
        await self.travel()
        return True

    async def post(self, event: dict[str, Any]) -> WriteResult:
        await self.travel()
        return await super().post(event)


def with_limit(one: ContainerFacts, limit: int, kept: KeptLimit | None) -> ContainerFacts:
    changed = replace(one, limit=limit, spec=replace(one.spec, limit=limit))
    return with_ownership(changed, kept)


async def no_sleep(_: float) -> None:
    await asyncio.sleep(0)


def responder(cluster: SharedCluster) -> OOMResponder:
    return OOMResponder(cluster, cluster, "op", UnreadableObjects(), lambda: NOW, no_sleep)


def resizer(cluster: SharedCluster) -> Resizer:
    made = Resizer(cluster, lambda _: None, no_sleep, lambda: NOW)
    request = Resize(
        namespace="shop", pod="db-0", uid="u", container="app", limit="256Mi", policy="P shop/grow"
    )
    made.update_requests("node-1", [request])
    return made


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def both(
    cluster: SharedCluster, operator: Callable[[SharedCluster], Any], ends_after: int, gap: int
) -> None:
    """Run an operator that dies after some turns, and another one that starts after a gap."""
    old = asyncio.create_task(operator(cluster).run())
    await turns(min(gap, ends_after))
    new = asyncio.create_task(operator(cluster).run())
    await turns(max(ends_after - gap, 0))
    old.cancel()
    await turns(300)
    new.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(old, new)


SEEDS, TURNS = st.integers(0, 2**32), st.integers(0, 120)


@given(SEEDS, TURNS, TURNS)
@settings(max_examples=200, deadline=None)
def test_a_kill_raises_the_limit_once_and_has_one_response(
    seed: int, ends_after: int, gap: int
) -> None:
    cluster = SharedCluster(Random(seed), granting(RAISE))
    asyncio.run(both(cluster, responder, ends_after, gap))
    assert cluster.patches == [640 * MI]
    assert [response["reason"] for _, response in cluster.written] == ["RaisedLimit"]
    assert len(cluster.posted) <= 1
    assert cluster.kept is not None
    assert cluster.kept.before == "512Mi"


@given(SEEDS, TURNS, TURNS)
@settings(max_examples=200, deadline=None)
def test_a_limit_that_a_policy_asks_for_is_set_once_and_its_record_stays(
    seed: int, ends_after: int, gap: int
) -> None:
    cluster = SharedCluster(Random(seed), granting({"memory": {"limit": "256Mi"}}))
    with patch.object(resizer_module, "CONFLICT_SECONDS", 0.0):
        asyncio.run(both(cluster, resizer, ends_after, gap))
    assert cluster.patches == [256 * MI]
    assert cluster.kept is not None
    assert (cluster.kept.before, cluster.kept.limit) == ("512Mi", "256Mi")
