"""Kubernetes quantities: text to exact amounts and bytes, and back.

Source: kubernetes staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go (v1.37). It accepts
what Go accepts: without digits `Mi` and `.` are 0 (but `Pi` is invalid), and an exponent is a
32-bit number that wraps around.
"""

import re

LARGEST = (1 << 63) - 1
"""The largest amount. Kubernetes caps larger binary amounts when it reads them; of larger decimal
ones it keeps the text, but has no number (quantity.go, maxAllowed and Value)."""
MAX_LENGTH = 256
"""Characters of a quantity that are parsed; the API server's own form is far shorter."""
MAX_PAGE = 1 << 16
"""Bytes; arm64 and ppc64 may have pages of this size."""
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_QUANTITY = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)\.?(?P<part>(?<=\.)[0-9]*|)"
    r"(?P<suffix>[numkMGTPE]?|[KMGTPE]i|[eE][+-]?[0-9]+)"
)
_KI = 1 << 10
_THREE_DIGITS = 100
_NANO = 9
_BILLION = 1_000_000_000


class QuantityError(ValueError):
    """The text is not a Kubernetes quantity."""


def parse_nanos(text: str) -> int:
    """Parse a quantity of anything (500m, 1e3, 2Gi) as Kubernetes does, into billionths.

    Amounts below a billionth count as a billionth, and those above LARGEST as LARGEST.

    Raises:
        QuantityError: The text is not a quantity.
    """
    found = _QUANTITY.fullmatch(text) if 0 < len(text) <= MAX_LENGTH else None
    if found is None:
        raise QuantityError(
            f"{text[:64]!r} is not a quantity: write bytes as 512Mi, 1Gi, 500M or 4096"
        )
    digits, places = found["whole"] + found["part"], len(found["part"])
    power = _power(found["suffix"])
    if not (digits or _is_zero_without_digits(found["suffix"], power)):
        raise QuantityError(f"{text!r} is not a quantity: it has no digits")
    size = _nanos(int(digits or "0"), places, found["suffix"], power)
    return -size if found["sign"] == "-" else size


def parse_bytes(text: str) -> int:
    """Parse a quantity of memory (512Mi, 1e9, 1500m) into whole bytes, rounded away from zero.

    Raises:
        QuantityError: The text is not a quantity.
    """
    amount = parse_nanos(text)
    size = _divided(abs(amount), _BILLION)
    return size if amount >= 0 else -size


def _power(suffix: str) -> int:
    """Return the power of 2 or 10 that a suffix stands for.

    Raises:
        QuantityError: The exponent does not fit into 64 bits.
    """
    if suffix in _BINARY:
        return _BINARY[suffix]
    if suffix in _DECIMAL:
        return _DECIMAL[suffix]
    number = int(suffix[1:])
    if not -(1 << 63) <= number <= LARGEST:
        raise QuantityError(f"{suffix!r} is not an exponent of a quantity: it has too many digits")
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)  # Go truncates it to 32 bits


def _is_zero_without_digits(suffix: str, power: int) -> bool:
    """Return whether Go parses it on its fast path (ParseQuantity, precision and scale)."""
    return power <= _BINARY["Ti"] if suffix in _BINARY else power >= -_NANO


def _nanos(digits: int, places: int, suffix: str, power: int) -> int:
    """Return digits / 10^places in a unit, without computing huge and tiny powers."""
    largest = LARGEST * _BILLION
    if not digits:
        return 0
    if suffix in _BINARY:
        return min(_divided((digits << power) * _BILLION, int(10**places)), largest)
    power += _NANO - places
    if power > len(str(largest)):
        return largest
    if power < -MAX_LENGTH:
        return 1
    whole = digits * int(10**power) if power >= 0 else _divided(digits, int(10**-power))
    return min(whole, largest)


def _divided(amount: int, by: int) -> int:
    """Divide, and round up."""
    return -(-amount // by)


def format_bytes(size: int) -> str:
    """Format bytes in the largest unit that divides them (512Mi, 500M); other sizes round to Ki.

    The kernel counts memory in pages, so its values need no rounding.
    """
    if size % _KI == 0:
        return _shortest(size, _KI, ("", *_BINARY))
    if size % 1000 == 0:
        return _shortest(size, 1000, ("", "k", "M", "G", "T", "P", "E"))
    return f"{round(size / _KI)}Ki" if size >= _KI else str(size)


def rounded_bytes(size: float) -> str:
    """Format bytes for reading, with two or three digits: 210Mi, 8.4Gi, 0."""
    unit, rest = 0, abs(size)
    while rest >= _KI - 0.5 and unit < len(_BINARY):
        rest, unit = rest / _KI, unit + 1
    shown = f"{rest:.1f}" if unit and rest < _THREE_DIGITS else f"{rest:.0f}"
    return f"{'-' if size < 0 else ''}{shown.removesuffix('.0')}{('', *_BINARY)[unit]}"


def exact_quantity(size: int) -> str:
    """Format bytes so that they parse to the same number: 512Mi, 500M, 1000001."""
    return str(size) if size % _KI and size % 1000 else format_bytes(size)


def canonical(text: str) -> str:
    """Return an amount of memory in its canonical form: 512Mi for 0512Mi and 536870912.

    Raises:
        QuantityError: The text is not a quantity.
    """
    return format_bytes(parse_bytes(text))


def is_page_rounded(limit: int, reported: int, limits: int = 1) -> bool:
    """Return whether a limit that the kernel reports may be this limit, or the sum of several.

    The kernel keeps whole pages and rounds down: 500M is 499998720 (Linux mm/page_counter.c,
    page_counter_memparse).

    Args:
        limit: The configured limit in bytes.
        reported: The limit that the kernel reports, in bytes.
        limits: How many limits were rounded and added up.
    """
    return 0 <= limit - reported < limits * MAX_PAGE


def _shortest(size: int, step: int, units: tuple[str, ...]) -> str:
    unit = 0
    while size and size % step == 0 and unit < len(units) - 1:
        size //= step
        unit += 1
    return f"{size}{units[unit]}"
