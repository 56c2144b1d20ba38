"""When an OOMNode is written: soon where one looks on, apart where a fleet has the same news."""

import asyncio
import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from oomwarden.agent.reporting.status_writer import (
    COUNT_GAPS,
    HEARTBEAT_SECONDS,
    LAST_RETRY_SECONDS,
)
from oomwarden.api.node.memory import MemoryInfo, Overcommit, PSIData, PSIStats
from oomwarden.api.node.memory_outlook import ContainerNearMisses, NearMissSummary
from oomwarden.kube.transport.errors import error_from_status

from tests.support.status_writing import AT, GAP, Clock, World, virtual_time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return virtual_time(monkeypatch)


def changed_at_each_look(world: World) -> None:
    world.boot = f"boot-{world.clock.now}"
    world.changed.set()


async def test_the_first_report_is_written_immediately(clock: Clock) -> None:
    world = World(clock, most=1)
    await world.run()
    assert clock.slept == []


async def test_changes_are_written_with_the_gap_that_is_set_between_them(clock: Clock) -> None:
    times = await World(clock, most=3, looks=changed_at_each_look).run()
    assert times == [0, 12.5, 25]


async def test_an_api_server_in_trouble_is_asked_less_and_less_often(clock: Clock) -> None:
    errors = [error_from_status({"code": 500, "message": "no"}) for _ in range(8)]
    world = World(clock, most=9, errors=errors, looks=lambda one: one.changed.set())
    times = await world.run()
    waits = [later - earlier - 0.5 for earlier, later in pairwise(times)]
    assert waits == [1.2 * s for s in (10, 20, 40, 80, *[LAST_RETRY_SECONDS] * 4)]


async def test_a_wait_that_the_api_server_asks_for_is_kept(clock: Clock) -> None:
    details = {"retryAfterSeconds": 100}
    busy = error_from_status(
        {"code": 429, "reason": "TooManyRequests", "message": "", "details": details}
    )
    world = World(clock, most=3, errors=[busy], looks=changed_at_each_look)
    assert await world.run() == [0, 120.5, 133]


async def test_after_a_success_the_back_off_starts_again(clock: Clock) -> None:
    errors = [error_from_status({"code": 500, "message": "no"}) for _ in range(3)]
    world = World(clock, most=6, errors=errors, looks=changed_at_each_look)
    *_, fourth, fifth, sixth = await world.run()
    assert (fifth - fourth, sixth - fifth) == (12.5, 12.5)


@pytest.mark.parametrize(("nodes", "spread"), [(1, 0.5), (20, 0.5), (1000, 5.0), (5000, GAP)])
async def test_a_change_that_all_nodes_see_is_written_spread_out_by_a_large_fleet(
    clock: Clock, nodes: int, spread: float
) -> None:
    world = World(clock, most=2, nodes=nodes)
    task = asyncio.create_task(world.run())
    while not clock.slept:
        await asyncio.to_thread(lambda: None)
    heard, world.boot = clock.now, "after a change of a ClusterOOMPolicy"
    world.changed.set()
    await task
    assert world.tried[1] - heard == pytest.approx(spread)


async def test_counts_of_kills_alone_are_written_immediately_and_then_rarely(clock: Clock) -> None:
    def kill(world: World) -> None:
        world.kills += 1
        world.changed.set()

    times = await World(clock, most=3, looks=kill).run()
    assert COUNT_GAPS * GAP <= times[1] < COUNT_GAPS * GAP + 15
    assert COUNT_GAPS * GAP <= times[2] - times[1] < COUNT_GAPS * GAP + 15


def memory_moves(world: World) -> None:
    """All that the kernel counts moves at each look; settings do not."""
    size, share = f"{int(world.clock.now)}Mi", f"{int(world.clock.now) % 100}.00"
    averages = PSIData(avg10=share, avg60=share, avg300=share)
    world.memory = MemoryInfo(
        available=size, total=size, swap_total=size, swap_free=size, huge_pages=size,
        overcommit=Overcommit(mode="Never", ratio=80, commit_limit=size, committed_as=size),
        psi=PSIStats(some=averages, full=averages),
    )  # fmt: skip
    world.changed.set()


async def test_figures_of_memory_that_move_all_the_time_wait_for_the_heartbeat(
    clock: Clock,
) -> None:
    times = await World(clock, most=3, looks=memory_moves).run()
    assert min(later - earlier for earlier, later in pairwise(times)) >= HEARTBEAT_SECONDS


async def test_a_changed_overcommit_setting_is_written_soon(clock: Clock) -> None:
    def changed_setting(world: World) -> None:
        world.memory = MemoryInfo(overcommit=Overcommit(ratio=int(world.clock.now)))
        world.changed.set()

    assert await World(clock, most=3, looks=changed_setting).run() == [0, 12.5, 25]


def missing_more(step: int) -> Callable[[World], None]:
    """Each look finds more near misses of one container."""

    def look(world: World) -> None:
        count = world.near_misses.total + step
        one = ContainerNearMisses(namespace="n", pod="p", count=count, since=AT, last=AT)
        world.near_misses = NearMissSummary(total=count, containers=(one,))
        world.changed.set()

    return look


async def test_more_near_misses_of_the_same_container_wait_for_the_heartbeat(clock: Clock) -> None:
    times = await World(clock, most=3, looks=missing_more(1)).run()
    assert times[1] >= COUNT_GAPS * GAP  # ten of them are news
    assert times[2] - times[1] >= HEARTBEAT_SECONDS / 2


async def test_a_container_with_its_first_near_misses_is_written_like_counts_of_kills(
    clock: Clock,
) -> None:
    def look(world: World) -> None:
        missing_more(1)(world) if world.clock.now > 1050 else world.changed.set()

    times = await World(clock, most=2, looks=look).run()
    assert COUNT_GAPS * GAP <= times[1] < COUNT_GAPS * GAP + 15


async def test_heartbeats_of_agents_that_were_started_together_come_apart(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    def no_news(world: World) -> None:
        world.changed.set()

    *_, last = await World(clock, most=2, looks=no_news).run()
    monkeypatch.setattr(random, "uniform", lambda low, _: low)
    *_, first = await World(clock, most=2, looks=no_news).run()
    assert first < 0.9 * HEARTBEAT_SECONDS
    assert last - first > 0.1 * HEARTBEAT_SECONDS
