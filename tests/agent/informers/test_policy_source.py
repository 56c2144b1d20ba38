"""A namespace is listed when its first pod appears, with retries until the API server answers."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from msgspec.structs import replace
from oomwarden.agent.informers import policy_source
from oomwarden.agent.informers.policies import PolicyCache
from oomwarden.agent.informers.policy_source import PolicySource
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED
from oomwarden.kube.http.failures import ConnectError
from oomwarden.kube.transport.bodies import Keep
from oomwarden.kube.transport.client import Listing, ListOptions
from oomwarden.kube.transport.resources import OOMPolicy

ALL = ListOptions(OOMPolicy)


def manifest(name: str, namespace: str = "shop", version: str = "1") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "resourceVersion": version}
    return {
        "metadata": metadata,
        "spec": {"podSelector": {}, "rules": [{"oomScoreAdj": 5}]},
    }


class RecordingApi:
    """Has policies by namespace; answers at version 7, after the given failures."""

    def __init__(self, *policies: dict[str, Any]) -> None:
        self.policies = policies
        self.failures: list[Exception] = []
        self.streams = False
        self.asked: list[tuple[str | None, str | None]] = []
        self.events: list[tuple[str, dict[str, Any]]] = []

    async def list_objects(self, what: ListOptions, version: str | None, keep: Keep) -> Listing:
        self.asked.append((what.namespace, version))
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)
        of = [p for p in self.policies if what.namespace in {None, p["metadata"]["namespace"]}]
        assert [keep(each) for each in of] == [None] * len(of)
        return Listing("7", [])

    async def stream_objects(
        self, what: ListOptions, version: str, seconds: int, keep: Keep
    ) -> Listing | None:
        if not self.streams:
            return None
        found = await self.list_objects(what, version, keep)
        return replace(found, changes=self.watch_objects(what, version, seconds))

    async def watch_objects(
        self, _what: ListOptions, _version: str, _seconds: int
    ) -> AsyncGenerator[tuple[str, dict[str, Any]]]:
        for each in self.events:
            yield each


class World:
    def __init__(self, *policies: dict[str, Any]) -> None:
        self.api, self.cache, self.now = RecordingApi(*policies), PolicyCache(lambda: None), 100.0
        self.source = PolicySource(self.api, self.cache, NAMESPACED, lambda: self.now)

    async def list_all(self) -> None:
        listing = await self.source.list_objects(ALL, "0")
        self.cache.event_handler(NAMESPACED).replace(listing.objects)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        task = asyncio.create_task(self.source.run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def turns(self) -> None:
        for _ in range(30):
            await asyncio.sleep(0)

    def names(self, namespace: str) -> list[str]:
        return sorted(each.name for each in self.cache.candidates(namespace))


@pytest.fixture(autouse=True)
def _no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda *_: 1.0)


async def test_the_first_list_waits_until_the_namespaces_with_pods_are_known() -> None:
    world = World(manifest("a"), manifest("b", "other"))
    listing = asyncio.create_task(world.list_all())
    await world.turns()
    assert world.api.asked == []
    world.cache.track_namespaces({"shop"}, 0.0)
    await listing
    assert (world.names("shop"), world.names("other")) == (["a"], [])


async def test_a_namespace_is_listed_when_its_first_pod_appears_no_older_than_the_watch(
) -> None:  # fmt: skip
    world = World(manifest("a"), manifest("b", "other"))
    world.cache.track_namespaces({"shop"}, 0.0)
    await world.list_all()
    world.api.events = [("BOOKMARK", {"metadata": {"resourceVersion": "42"}})]
    assert [kind async for kind, _ in world.source.watch_objects(ALL, "7", 60)] == ["BOOKMARK"]
    async with world.running():
        world.cache.track_namespaces({"shop", "other"}, 1.0)
        await world.turns()
    assert world.names("other") == ["b"]
    assert world.api.asked == [(None, "0"), ("other", "42")]


async def test_a_streamed_list_is_kept_like_a_plain_one_and_its_watch_is_noted() -> None:
    world = World(manifest("a"), manifest("b", "other"))
    world.cache.track_namespaces({"shop"}, 0.0)
    assert await world.source.stream_objects(ALL, "0", 60) is None
    world.api.streams = True
    world.api.events = [("BOOKMARK", {"metadata": {"resourceVersion": "42"}})]
    listing = await world.source.stream_objects(ALL, "0", 60)
    assert listing is not None
    assert listing.changes is not None
    world.cache.event_handler(NAMESPACED).replace(listing.objects)
    assert (world.names("shop"), world.names("other"), listing.version) == (["a"], [], "7")
    assert [kind async for kind, _ in listing.changes] == ["BOOKMARK"]
    assert world.source._seen == "42"


async def test_a_failed_list_is_retried_and_reported_after_a_while() -> None:
    world = World(manifest("b", "other"))
    world.cache.track_namespaces(set(), 0.0)
    await world.list_all()
    world.api.failures = [ConnectError("away")] * 2
    async with world.running():
        world.cache.track_namespaces({"other"}, 1.0)
        await world.turns()
        assert (world.cache.is_listed("other"), world.source.overdue()) == (False, {})
        world.now += 20
        assert "away" in world.source.overdue()["other"]
        world.cache.list_needed[NAMESPACED].set()
        await world.turns()
        assert not world.cache.is_listed("other")
        world.now += 2
        world.cache.list_needed[NAMESPACED].set()
        await world.turns()
    assert (world.names("other"), world.source.overdue()) == (["b"], {})
    assert len(world.api.asked) == 4


async def test_no_namespace_is_listed_alone_before_the_first_list_of_all() -> None:
    world = World(manifest("a"))
    world.cache.track_namespaces({"shop"}, 0.0)
    async with world.running():
        await world.turns()
    assert world.api.asked == []


async def test_policies_that_were_left_out_come_back_with_room_at_a_limited_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("oomwarden.core.policy.policy_cache.MAX_POLICIES", 1)
    world = World(manifest("a"), manifest("b"), manifest("c"))
    world.cache.track_namespaces({"shop"}, 0.0)
    await world.list_all()
    async with world.running():
        for name, held in (("a", "b"), ("b", "")):
            world.api.policies = world.api.policies[1:]
            world.cache.event_handler(NAMESPACED).delete(manifest(name, version="9"))
            await world.turns()
            assert world.names("shop") == ([held] if held else [])
        world.now += policy_source.STALE_SECONDS
        world.cache.list_needed[NAMESPACED].set()
        await world.turns()
    assert world.names("shop") == ["c"]


async def test_cluster_policies_do_not_wait_for_pods() -> None:
    world = World()
    source = PolicySource(world.api, world.cache, CLUSTER)
    assert (await source.list_objects(ALL, "0")).version == "7"
