"""Readings of real programs, made by tools/record_usage.py; ten minutes stand for ten hours."""

import pytest
from oomwarden.core.usage_pattern.classifier import classify
from oomwarden.core.usage_pattern.verdict import Pattern, UsagePoint

from bench.patterns import RECORDED, recorded_points

TRUE = {
    "batch": Pattern.SAWTOOTH,
    "burst": Pattern.SPIKE,
    "cache": Pattern.STARTUP,
    "garbage-collector": Pattern.SAWTOOTH,
    "garbage-collector-leak": Pattern.LEAK,
    "leak": Pattern.LEAK,
    "load-and-idle": Pattern.STARTUP,
}


def points(name: str) -> list[UsagePoint]:
    return recorded_points(RECORDED / f"{name}.csv")


def test_every_recording_has_a_true_pattern() -> None:
    assert sorted(TRUE) == sorted(path.stem for path in RECORDED.glob("*.csv"))


@pytest.mark.parametrize("name", sorted(TRUE))
def test_the_pattern_of_a_recorded_program_is_found(name: str) -> None:
    assert classify(points(name)).pattern == TRUE[name]


@pytest.mark.parametrize("name", ["leak", "garbage-collector-leak"])
@pytest.mark.parametrize("hours", [3, 5, 8])
def test_recorded_leaks_are_found_from_a_part_of_the_time(name: str, hours: float) -> None:
    late = [each for each in points(name) if each.at >= 36000 - hours * 3600]
    assert classify(late).pattern == Pattern.LEAK


@pytest.mark.parametrize("name", sorted(set(TRUE) - {"leak", "garbage-collector-leak"}))
@pytest.mark.parametrize("hours", [1, 3, 5, 8])
def test_no_part_of_a_normal_program_is_a_leak(name: str, hours: float) -> None:
    """The middle of a cache that still fills does look like one; its first half hour does not."""
    last = 1800 if name == "cache" else 36000
    for start in range(0, min(int(36000 - hours * 3600), last) + 1, 1800):
        part = [each for each in points(name) if 0 <= each.at - start <= hours * 3600]
        assert classify(part).pattern != Pattern.LEAK


@pytest.mark.parametrize("name", ["leak", "garbage-collector-leak"])
def test_minutes_of_a_recorded_leak_are_no_leak(name: str) -> None:
    """The recording itself, without its stretched time axis."""
    short = [UsagePoint(each.at / 60, each.usage) for each in points(name)]
    assert classify(short).pattern == Pattern.UNKNOWN
