"""Kubernetes quantities of memory: text to bytes and back.

Source: kubernetes staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go (v1.37).
"""

import re
from fractions import Fraction

_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40}))"
    r"(?:[eE](?P<exponent>[+-]?[0-9]{1,2})|(?P<suffix>[KMGTPE]i|[numkMGTPE]?))"
)
_KI = 1 << 10
LARGEST_PAGE = 1 << 16
"""Bytes; arm64 and ppc64 may have pages so large."""


class QuantityError(ValueError):
    """Text that is no Kubernetes quantity."""


def parse_bytes(text: str) -> int:
    """Read a quantity of memory (512Mi, 1e9, 1500m) as bytes, rounded up as Kubernetes does.

    Raises:
        QuantityError: when the text is no quantity.
    """
    found = _QUANTITY.fullmatch(text.strip())
    if found is None:
        raise QuantityError(f"{text!r} is no quantity: write bytes as 512Mi, 1Gi, 500M or 4096")
    number = Fraction(found["number"])
    exact = number * _factor(found["suffix"] or "", found["exponent"])
    return -int(-exact // 1)


def _factor(suffix: str, exponent: str | None) -> Fraction:
    if exponent is not None:
        return Fraction(10) ** int(exponent)
    if suffix in _BINARY:
        return Fraction(1 << _BINARY[suffix])
    return Fraction(10) ** _DECIMAL[suffix]


def format_bytes(size: int) -> str:
    """Write bytes in the largest unit that divides them: 512Mi, 500M; all else rounded to Ki.

    The kernel counts memory in pages, so nothing that it tells needs rounding.
    """
    if size % _KI == 0:
        return _shortest(size, _KI, ("", *_BINARY))
    if size % 1000 == 0:
        return _shortest(size, 1000, ("", "k", "M", "G", "T", "P", "E"))
    return f"{round(size / _KI)}Ki" if size >= _KI else str(size)


def exact_quantity(size: int) -> str:
    """Write bytes so that they are read again to the byte: 512Mi, 500M, 1000001."""
    return str(size) if size % _KI and size % 1000 else format_bytes(size)


def in_pages(limit: int, told: int, limits: int = 1) -> bool:
    """Whether what the kernel tells of a limit may be this limit, or the sum of several.

    It keeps whole pages and rounds down: 500M is 499998720 (Linux mm/page_counter.c,
    page_counter_memparse).

    Args:
        limit: As it was asked for, in bytes.
        told: As the kernel tells it, in bytes.
        limits: How many were rounded each.
    """
    return 0 <= limit - told < limits * LARGEST_PAGE


def _shortest(size: int, step: int, units: tuple[str, ...]) -> str:
    unit = 0
    while size and size % step == 0 and unit < len(units) - 1:
        size //= step
        unit += 1
    return f"{size}{units[unit]}"
