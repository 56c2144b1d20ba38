"""Amounts and times as the evidence of a verdict writes them."""

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_STEP = 1024
_MANY = 100
_TIMES = ((2 * 86400, 86400, "d"), (5400, 3600, "h"), (90, 60, "min"))
"""From this many seconds on, a time is written in this unit."""


def amount(size: float) -> str:
    """Return bytes with two or three digits that matter: 210 MiB, 1.4 GiB, 0 B."""
    unit, rest = 0, abs(size)
    while rest >= _STEP and unit < len(_UNITS) - 1:
        rest, unit = rest / _STEP, unit + 1
    shown = f"{rest:.1f}" if unit and rest < _MANY else f"{rest:.0f}"
    return f"{'-' if size < 0 else ''}{shown.removesuffix('.0')} {_UNITS[unit]}"


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
