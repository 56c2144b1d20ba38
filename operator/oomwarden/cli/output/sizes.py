"""Amounts of memory for people: three digits are enough in a table."""

_UNITS = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_KI = 1024
_PLACES = 10


def short_size(size: int | None) -> str:
    """Return an amount of memory such as 512Mi, 9.9Gi or 128Gi."""
    if size is None:
        return "<unknown>"
    amount, unit = float(size), 0
    while abs(amount) >= _KI - 0.5 and unit < len(_UNITS) - 1:
        amount, unit = amount / _KI, unit + 1
    shown = f"{amount:.1f}" if unit and abs(amount) < _PLACES else f"{amount:.0f}"
    return f"{shown.removesuffix('.0')}{_UNITS[unit]}"
