"""Which containers are judged, and how often."""

import time

import pytest
from oomwarden.agent.detection.usage_patterns import (
    MAX_JUDGED_CONTAINERS,
    UsagePatternMonitor,
)
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.core.incidents.memory_history import UsageHistory, UsageSample
from oomwarden.core.incidents.usage_trend import UsageTrend
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.usage_pattern.verdict import Pattern

MIB = 1 << 20
LIMIT = 1024 * MIB
HOURS = 8
TURNS = 45
"""Rounds in a quarter of an hour."""
NOW = 1_800_000_000.0


def container(inode: int, growth: int, start: int = 200) -> Container:
    """A container that grew by some MiB an hour."""
    made = Container(Cgroup(inode, f"c{inode}", Level.CONTAINER), 0.0, "app", LIMIT)
    made.trend, made.memory = UsageTrend(inode), UsageHistory()
    for number in range(HOURS * 12 + 1):
        at = NOW - HOURS * 3600 + number * 300
        sample = UsageSample(at, (start * 12 + growth * number) * MIB // 12)
        made.trend.add(sample)
        made.memory.add(sample)
    return made


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)


def judged(*containers: Container) -> list[Pattern | None]:
    """Run a turn of all; return the verdicts."""
    monitor = UsagePatternMonitor(Inventory({each.cgroup.inode: each for each in containers}))
    for _ in range(TURNS):
        monitor.step()
    return [each.verdict.pattern if each.verdict else None for each in containers]


def test_hours_of_growth_are_a_leak_with_the_time_to_the_limit() -> None:
    leaking = container(1, growth=30)
    assert judged(leaking) == [Pattern.LEAK]
    assert leaking.verdict is not None
    assert leaking.verdict.seconds_to_limit is not None
    assert 15 * 3600 < leaking.verdict.seconds_to_limit < 25 * 3600


def test_a_container_that_does_not_grow_is_not_looked_at() -> None:
    assert judged(container(1, growth=0)) == [None]


def test_a_container_near_its_limit_is_judged_even_if_it_does_not_grow() -> None:
    assert judged(container(1, growth=0, start=900)) == [Pattern.STEADY]


def test_a_verdict_that_no_longer_holds_is_withdrawn() -> None:
    calm = container(1, growth=0)
    calm.verdict = container(2, growth=30).verdict
    leaking = container(3, growth=30)
    judged(leaking)
    calm.verdict = leaking.verdict
    assert judged(calm) == [None]


def test_a_container_that_was_never_sampled_has_no_verdict() -> None:
    fresh = Container(Cgroup(1, "c", Level.CONTAINER), 0.0, "app", LIMIT)
    assert judged(fresh) == [None]


def test_a_round_judges_a_bounded_number_of_containers() -> None:
    copies = {n: container(n, growth=30) for n in range(3 * TURNS * MAX_JUDGED_CONTAINERS)}
    monitor = UsagePatternMonitor(Inventory({**copies}))
    before = 0
    for _ in range(TURNS):
        monitor.step()
        now = sum(each.verdict is not None for each in copies.values())
        assert now - before <= MAX_JUDGED_CONTAINERS
        before = now
    assert before > 0
