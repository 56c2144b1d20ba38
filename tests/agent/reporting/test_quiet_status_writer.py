"""What an OOMNode's writer reads while nothing tells it of a change."""

from itertools import pairwise

import pytest
from oomwarden.agent.runtime.signal import Signal
from oomwarden.core.diagnosis.node_health import SILENT_SECONDS

from tests.support.status_writing import GAP, Clock, World, virtual_time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return virtual_time(monkeypatch)


@pytest.fixture
def quiet(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Nobody sets the signal: a wait for it takes as long as it may."""

    async def passes(self: Signal, timeout: float | None) -> bool:  # noqa: ASYNC109 - as the real one
        clock.now += timeout or 0.0
        return self.is_set()

    monkeypatch.setattr(Signal, "set_within", passes)
    return clock


async def test_without_a_signal_everything_is_read_once_a_minute(quiet: Clock) -> None:
    read: list[float] = []
    await World(quiet, most=2, looks=lambda world: read.append(world.clock.now)).run()
    assert {later - earlier for earlier, later in pairwise(read[1:])} == {60.0}


async def test_with_the_longest_gap_a_node_never_counts_as_silent(quiet: Clock) -> None:
    world = World(quiet, most=6)
    world.writer.gap = 300.0
    times = await world.run()
    assert max(later - earlier for earlier, later in pairwise(times)) < SILENT_SECONDS


async def test_a_condition_that_no_signal_tells_of_is_written_after_a_glance(quiet: Clock) -> None:
    glances = iter(["", "", "blind"])
    world = World(quiet, most=2)

    def glance() -> str:
        world.glanced = next(glances, "blind")
        return world.glanced

    def look(_: World) -> None:
        world.boot = f"boot{world.glanced}"

    world.writer.glance, world.looks = glance, look
    times = await world.run()
    assert times[1] <= 12 + 2 * 15


async def test_reads_that_lead_to_no_write_are_half_a_gap_apart(clock: Clock) -> None:
    read: list[float] = []

    def killed(world: World) -> None:
        read.append(world.clock.now)
        world.kills += 1
        world.changed.set()

    await World(clock, most=2, looks=killed).run()
    assert {later - earlier for earlier, later in pairwise(read[1:-1])} == {GAP / 2}
