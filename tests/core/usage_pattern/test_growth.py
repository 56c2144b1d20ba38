from math import log1p

import pytest
from oomwarden.core.usage_pattern.classifier import classify
from oomwarden.core.usage_pattern.growth import development, largest_fall
from oomwarden.core.usage_pattern.verdict import Pattern, UsagePoint

MIB = 1 << 20


def levels(curve: list[float]) -> list[tuple[float, float]]:
    return [(float(at), value) for at, value in enumerate(curve)]


def test_a_line_does_not_slow_down_and_a_logarithm_does() -> None:
    line = development(levels([3.0 * each for each in range(100)]))
    assert not line.is_slowing(3)
    assert line.early == line.late == pytest.approx(3)
    slowing = development(levels([100 * log1p(each / 3) for each in range(100)]))
    assert slowing.slows_steadily


def test_growth_that_comes_from_the_start_alone_does_not_count() -> None:
    started = [min(each * 50.0, 500.0) + each for each in range(100)]
    assert not development(levels(started)).is_slowing(1)


def test_a_few_floors_have_no_quarters() -> None:
    assert development(levels([1, 2, 3, 4, 5])).quarters == ()


def test_the_largest_fall_is_between_tenths_of_the_time() -> None:
    curve = [float(each) for each in range(51)] + [30.0] * 50
    assert largest_fall(levels(curve)) == pytest.approx(44.5 - 30, abs=1)
    assert largest_fall(levels([float(each) for each in range(50)])) == 0


def test_growth_that_slows_down_is_no_leak_and_says_so() -> None:
    points = [
        UsagePoint(each * 60.0, int(MIB * (100 + 20 * log1p(2 + each / 80)))) for each in range(400)
    ]
    verdict = classify(points)
    assert verdict.pattern == Pattern.UNKNOWN
    assert "ever more slowly" in verdict.evidence


def test_growth_that_is_given_back_is_no_leak() -> None:
    def usage(minute: int) -> float:
        return 100 + minute / 5 if minute < 335 else 130

    points = [UsagePoint(each * 60.0, int(MIB * usage(each))) for each in range(360)]
    assert classify(points[:335]).pattern == Pattern.LEAK
    assert classify(points).pattern != Pattern.LEAK
