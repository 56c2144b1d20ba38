"""Readings of memory with a known pattern: noisy, uneven, with gaps; from a fixed seed."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log1p, pi, sin

from oomwarden.core.usage_pattern.verdict import UsagePoint

MIB = 1 << 20
HOUR = 3600
DAY = 24 * HOUR
Curve = Callable[[float], float]
"""Usage in units of a base, at a time in seconds."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a curve is read.

    Attributes:
        seconds: Length of the series.
        step: Seconds between two readings.
        noise: Standard deviation as a fraction of the base.
        jitter: Largest shift of a reading as a fraction of the step.
        gap: Fraction of the time without readings, in one piece.
        quantum: Bytes that readings are rounded to.
    """

    seconds: float
    step: float = 60
    noise: float = 0.01
    jitter: float = 0
    gap: float = 0
    quantum: int = 4096


def any_sampling(seconds: float, dice: random.Random) -> Sampling:
    """Return the habits of some monitoring system, with 20 to 1,500 readings."""
    steps = [step for step in (5, 10, 15, 30, 60, 120) if 20 <= seconds / step <= 1500]  # noqa: PLR2004
    return Sampling(
        seconds,
        dice.choice(steps),
        dice.choice((0, 0.002, 0.01, 0.03)),
        dice.choice((0, 0.1, 0.4)),
        dice.choice((0, 0, 0.1, 0.3)),
        dice.choice((4096, 4096, MIB)),
    )


def read(curve: Curve, sampling: Sampling, base: float, dice: random.Random) -> list[UsagePoint]:
    """Return the readings of a curve."""
    width = sampling.gap * sampling.seconds
    begin = dice.uniform(0.1, 0.9) * (sampling.seconds - width)
    points, at = [], 0.0
    while at <= sampling.seconds:
        if not begin < at < begin + width:
            moment = at + dice.uniform(-1, 1) * sampling.jitter * sampling.step / 2
            usage = base * (curve(at) + dice.gauss(0, sampling.noise))
            points.append(UsagePoint(moment, _rounded(usage, sampling.quantum)))
        at += sampling.step
    return points


def _rounded(usage: float, quantum: int) -> int:
    return max(round(usage / quantum), 0) * quantum


def leak(seconds: float, dice: random.Random) -> Curve:
    """Grow by 20 to 200 % of the base: straight, after a start, in steps, faster, under a saw."""
    growth, kind = dice.uniform(0.2, 2), dice.randrange(5)
    start = dice.uniform(0.02, 0.2) * seconds
    steps, power = dice.randrange(30, 200), dice.uniform(1, 2)
    saw = _saw(seconds / dice.uniform(8, 80), dice.uniform(0.1, 0.6), dice)

    def straight(at: float) -> float:
        return 1 + growth * at / seconds

    return (
        straight,
        lambda at: straight(at) - 0.5 * exp(-3 * at / start),
        lambda at: 1 + growth * int(at / seconds * steps) / steps,
        lambda at: 1 + growth * (at / seconds) ** power,
        lambda at: straight(at) + saw(at),
    )[kind]


def sawtooth(seconds: float, dice: random.Random) -> Curve:
    """Go up and down: a garbage collector, a cache that is emptied; two periods at least."""
    shortest = min(120.0, seconds / 10)
    period = shortest * (seconds / 2.5 / shortest) ** dice.random()
    saw = _saw(period, dice.uniform(0.3, 3), dice)
    return lambda at: 1 + saw(at)


def _saw(period: float, height: float, dice: random.Random) -> Curve:
    phase, seed, uneven = dice.random(), dice.random(), dice.uniform(0, 0.25)

    def saw(at: float) -> float:
        turn, within = divmod(at / period + phase, 1)
        top = 1 - uneven * random.Random(f"{seed} {turn}").random()  # noqa: S311 - repeatable
        return height * top * within

    return saw


def steady(_seconds: float, dice: random.Random) -> Curve:
    """Stay level, with a slow drift of up to 3 % either way."""
    drift = dice.uniform(-0.03, 0.03)
    return lambda at: 1 + drift * at / _seconds


def startup(seconds: float, dice: random.Random) -> Curve:
    """Rise within 2 to 40 % of the time, straight or ever slower, then stay level."""
    rise, end = dice.uniform(0.3, 5), dice.uniform(0.02, 0.4) * seconds
    if dice.random() < 0.5:  # noqa: PLR2004
        return lambda at: 1 + rise * min(at / end, 1)
    return lambda at: 1 + rise * (1 - exp(-at / end * 1.2))


def spike(seconds: float, dice: random.Random) -> Curve:
    """Stay level or wander a little, then jump within the last minutes."""
    jump, took = dice.uniform(0.5, 5), dice.uniform(10, min(300, seconds / 12))
    begin = seconds - took - dice.uniform(0, min(300, seconds / 12))
    wave, period = dice.uniform(0, 0.1), dice.uniform(300, seconds)

    def curve(at: float) -> float:
        return 1 + wave * sin(2 * pi * at / period) + jump * min(max((at - begin) / took, 0), 1)

    return curve


def wandering(seconds: float, dice: random.Random) -> Curve:
    """Follow a load that changes by chance, and forgets within 1 to 8 % of the time."""
    memory, size = dice.uniform(0.01, 0.08) * seconds, dice.uniform(0.05, 0.3)
    return _chance(seconds, memory, size, dice)


def _chance(seconds: float, memory: float, size: float, dice: random.Random) -> Curve:
    step = seconds / 400
    keep = exp(-step / memory)
    values = [dice.gauss(0, 1)]
    for _ in range(402):
        values.append(values[-1] * keep + dice.gauss(0, (1 - keep**2) ** 0.5))
    return lambda at: 1 + max(size * values[int(at / step)], -0.8)


def jobs(seconds: float, dice: random.Random) -> Curve:
    """Hold memory during jobs of different sizes, with pauses."""
    edges, at = [(0.0, 0.0)], 0.0
    while at < seconds:
        at += dice.expovariate(1 / (seconds * 0.03))
        edges.append((at, dice.uniform(0.5, 4)))
        at += dice.expovariate(1 / (seconds * 0.03))
        edges.append((at, dice.uniform(0, 0.2)))

    def curve(moment: float) -> float:
        return 1 + next(size for begin, size in reversed(edges) if begin <= moment)

    return curve


def filling_cache(seconds: float, dice: random.Random) -> Curve:
    """Grow ever more slowly towards a bound, most of which is reached."""
    size, tau = dice.uniform(0.3, 3), seconds / dice.uniform(2.5, 8)
    return lambda at: 1 + size * (1 - exp(-at / tau))


def slow_start(seconds: float, dice: random.Random) -> Curve:
    """Load in a few steps, the last of them after 40 to 75 % of the time."""
    ends = sorted(dice.uniform(0, 0.75) * seconds for _ in range(dice.randrange(2, 6)))
    ends[-1] = dice.uniform(0.4, 0.75) * seconds
    sizes = [dice.uniform(0.1, 0.6) for _ in ends]
    return lambda at: 1 + sum(size for end, size in zip(ends, sizes, strict=True) if at > end)


def long_memory(seconds: float, dice: random.Random) -> Curve:
    """Follow a load that forgets within 10 to 40 % of the time."""
    memory, size = dice.uniform(0.1, 0.4) * seconds, dice.uniform(0.05, 0.3)
    return _chance(seconds, memory, size, dice)


def slow_saw(seconds: float, dice: random.Random) -> Curve:
    """Go up and down with a period of half the time to all of it."""
    saw = _saw(seconds * dice.uniform(0.5, 1), dice.uniform(0.3, 3), dice)
    return lambda at: 1 + saw(at)


def logarithmic(seconds: float, dice: random.Random) -> Curve:
    """Grow with the logarithm of the time, as a cache of rare keys does."""
    size, start = dice.uniform(0.1, 1), dice.uniform(0.005, 0.05) * seconds
    return lambda at: 1 + size * log1p(at / start)


def bursts(seconds: float, dice: random.Random) -> Curve:
    """Stay level but for a few short bursts, at any time before the last tenth."""
    times = [
        (dice.uniform(0, 0.9) * seconds, dice.uniform(0.3, 4)) for _ in range(dice.randrange(1, 6))
    ]
    width = seconds * 0.015
    return lambda at: 1 + sum(size for begin, size in times if begin <= at < begin + width)


def daily(_seconds: float, dice: random.Random) -> Curve:
    """Follow the load of a day, seen from any hour on."""
    size, phase = dice.uniform(0.1, 0.5), dice.random()
    return lambda at: 1 + size * sin(2 * pi * (at / DAY + phase))
