"""Round numbers for axes, and positions on them as percentages of the width."""

from collections.abc import Iterator

_FACTORS = (1, 2, 5, 10)
_BINARY = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_KI = 1024


def count_ticks(largest: int, most: int = 4) -> list[int]:
    """Return round numbers from 0 to the largest or more, at most so many above 0."""
    step = next(each for each in _decimal_steps() if each * most >= largest)
    return list(range(0, largest + step, step))


def size_ticks(largest: int, most: int = 4) -> list[int]:
    """Return round amounts of memory from 0 to the largest or more."""
    step = next(each for each in _binary_steps() if each * most >= largest)
    return list(range(0, largest + step, step))


def _decimal_steps() -> Iterator[int]:
    power = 1
    while True:
        yield from (factor * power for factor in _FACTORS[:-1])
        power *= 10


def _binary_steps() -> Iterator[int]:
    power = 1
    while True:
        yield from (factor * power for factor in _BINARY)
        power *= _KI


def percent(part: float, whole: float) -> str:
    """Return a position as a percentage."""
    share = 100 * part / whole if whole else 0.0
    return f"{share:.3f}".rstrip("0").rstrip(".") + "%"
