"""A namespace whose first pod appears is listed at once, and again until the API server answers."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2
import pytest
from oomwarden.agent.informers import policy_source
from oomwarden.agent.informers.policies import PolicyCache
from oomwarden.agent.informers.policy_source import PolicySource
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED
from oomwarden.kube.transport.client import Listing, ListOptions
from oomwarden.kube.transport.list_bodies import Keep
from oomwarden.kube.transport.resources import OOMPolicy

ALL = ListOptions(OOMPolicy)


def manifest(name: str, namespace: str = "shop", version: str = "1") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "resourceVersion": version}
    return {
        "metadata": metadata,
        "spec": {"podSelector": {}, "rules": [{"oomScoreAdj": 5}]},
    }


class Api:
    """Has policies by namespace; answers at version 7 unless it is to fail first."""

    def __init__(self, *policies: dict[str, Any]) -> None:
        self.policies = policies
        self.failures: list[Exception] = []
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

    async def watch_objects(
        self, _what: ListOptions, _version: str, _seconds: int
    ) -> AsyncGenerator[tuple[str, dict[str, Any]]]:
        for each in self.events:
            yield each


class World:
    def __init__(self, *policies: dict[str, Any]) -> None:
        self.api, self.book, self.now = Api(*policies), PolicyCache(lambda: None), 100.0
        self.source = PolicySource(self.api, self.book, NAMESPACED, lambda: self.now)

    async def list_all(self) -> None:
        listing = await self.source.list_objects(ALL, "0")
        self.book.sink(NAMESPACED).replace(listing.objects)

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
        return sorted(each.name for each in self.book.candidates(namespace))


@pytest.fixture(autouse=True)
def _no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda *_: 1.0)


async def test_the_first_list_waits_until_it_is_known_which_namespaces_have_pods() -> None:
    world = World(manifest("a"), manifest("b", "other"))
    listing = asyncio.create_task(world.list_all())
    await world.turns()
    assert world.api.asked == []
    world.book.want({"shop"}, 0.0)
    await listing
    assert (world.names("shop"), world.names("other")) == (["a"], [])


async def test_a_namespace_is_listed_by_itself_when_its_first_pod_comes_not_older_than_the_watch(
) -> None:  # fmt: skip
    world = World(manifest("a"), manifest("b", "other"))
    world.book.want({"shop"}, 0.0)
    await world.list_all()
    world.api.events = [("BOOKMARK", {"metadata": {"resourceVersion": "42"}})]
    assert [kind async for kind, _ in world.source.watch_objects(ALL, "7", 60)] == ["BOOKMARK"]
    async with world.running():
        world.book.want({"shop", "other"}, 1.0)
        await world.turns()
    assert world.names("other") == ["b"]
    assert world.api.asked == [(None, "0"), ("other", "42")]


async def test_an_api_server_that_is_away_is_asked_again_and_it_is_said_after_a_while() -> None:
    world = World(manifest("b", "other"))
    world.book.want(set(), 0.0)
    await world.list_all()
    world.api.failures = [httpx2.ConnectError("away")] * 2
    async with world.running():
        world.book.want({"other"}, 1.0)
        await world.turns()
        assert (world.book.knows("other"), world.source.late()) == (False, {})
        world.now += 20
        assert "away" in world.source.late()["other"]
        world.book.wake.set()
        await world.turns()
        assert not world.book.knows("other")
        world.now += 2
        world.book.wake.set()
        await world.turns()
    assert (world.names("other"), world.source.late()) == (["b"], {})
    assert len(world.api.asked) == 4


async def test_nothing_is_listed_by_itself_before_all_was_listed_once() -> None:
    world = World(manifest("a"))
    world.book.want({"shop"}, 0.0)
    async with world.running():
        await world.turns()
    assert world.api.asked == []


async def test_what_was_left_out_comes_back_with_room_but_is_not_listed_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("oomwarden.core.policy.policy_cache.MOST_POLICIES", 1)
    world = World(manifest("a"), manifest("b"), manifest("c"))
    world.book.want({"shop"}, 0.0)
    await world.list_all()
    async with world.running():
        for name, held in (("a", "b"), ("b", "")):
            world.api.policies = world.api.policies[1:]
            world.book.sink(NAMESPACED).delete(manifest(name, version="9"))
            await world.turns()
            assert world.names("shop") == ([held] if held else [])
        world.now += policy_source.STALE_SECONDS
        world.book.wake.set()
        await world.turns()
    assert world.names("shop") == ["c"]


async def test_cluster_policies_wait_for_no_pod() -> None:
    world = World()
    source = PolicySource(world.api, world.book, CLUSTER)
    assert (await source.list_objects(ALL, "0")).version == "7"
