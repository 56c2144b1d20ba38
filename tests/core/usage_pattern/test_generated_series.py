"""Each pattern under each noise, sampling and length; the curves are those of the bench."""

import random
from itertools import product

import pytest
from oomwarden.core.usage_pattern.classifier import classify
from oomwarden.core.usage_pattern.verdict import Pattern

from bench import usage_series
from bench.patterns import HARD, KINDS, generated
from bench.usage_series import HOUR, MIB, Sampling

NOISES = (0, 0.002, 0.01, 0.03)
SAMPLINGS = ((30, 0, 0), (60, 0.4, 0), (120, 0.1, 0.3))
CURVES = {
    Pattern.SAWTOOTH: usage_series.sawtooth,
    Pattern.STEADY: usage_series.steady,
    Pattern.STARTUP: usage_series.startup,
    Pattern.SPIKE: usage_series.spike,
    Pattern.LEAK: usage_series.leak,
}


def verdicts(pattern: Pattern, hours: float) -> list[Pattern]:
    found = []
    for (step, jitter, gap), noise, seed in product(SAMPLINGS, NOISES, range(5)):
        dice = random.Random(seed)
        curve = CURVES[pattern](hours * HOUR, dice)
        sampling = Sampling(hours * HOUR, step, noise, jitter, gap)
        points = usage_series.read(curve, sampling, 200 * MIB, dice)
        found.append(classify(points).pattern)
    return found


@pytest.mark.parametrize("hours", [2, 4, 12])
def test_leaks_are_found_from_two_hours_on(hours: float) -> None:
    found = verdicts(Pattern.LEAK, hours)
    assert found.count(Pattern.LEAK) >= 0.95 * len(found)


@pytest.mark.parametrize("hours", [0.5, 1, 1.5])
def test_growth_of_less_than_two_hours_is_never_a_leak(hours: float) -> None:
    found = verdicts(Pattern.LEAK, hours)
    assert Pattern.LEAK not in found
    assert found.count(Pattern.UNKNOWN) >= 0.9 * len(found)


@pytest.mark.parametrize("hours", [0.5, 1, 4, 12])
@pytest.mark.parametrize(
    "pattern", [Pattern.SAWTOOTH, Pattern.STEADY, Pattern.STARTUP, Pattern.SPIKE]
)
def test_normal_patterns_are_named_at_any_length(pattern: Pattern, hours: float) -> None:
    found = verdicts(pattern, hours)
    assert found.count(pattern) >= 0.9 * len(found)
    assert Pattern.LEAK not in found


def test_false_leaks_are_below_one_percent() -> None:
    normal = [kind for kind in KINDS if kind != "Leak"]
    found = [
        classify(generated(kind, hours * HOUR, number)).pattern
        for kind, hours, number in product(normal, (2, 4, 12), range(15))
    ]
    assert found.count(Pattern.LEAK) < 0.01 * len(found)


@pytest.mark.parametrize("kind", sorted(HARD))
def test_a_day_and_more_of_hard_normal_series_is_rarely_a_leak(kind: str) -> None:
    found = [classify(generated(kind, 48 * HOUR, number)).pattern for number in range(20)]
    assert found.count(Pattern.LEAK) <= 4
