"""Times as the evidence of a verdict writes them."""

_TIMES = ((2 * 86400, 86400, "d"), (5400, 3600, "h"), (90, 60, "min"))
"""From this many seconds on, a time is written in this unit."""


def span(seconds: float) -> str:
    """Return a time with two digits that matter: 45 s, 12 min, 6.5 h, 3 d."""
    for least, unit, name in _TIMES:
        if seconds >= least:
            return f"{_two_digits(seconds / unit)} {name}"
    return f"{seconds:.0f} s"


def two_digits(number: float) -> float:
    """Round to two digits that matter."""
    return float(f"{number:.2g}")


def _two_digits(number: float) -> str:
    return f"{two_digits(number):g}"


def percent(fraction: float) -> str:
    """Return a fraction as 93 %."""
    return f"{fraction * 100:.0f} %"
