"""Small bars for numbers in a table."""

WIDTH = 20
_EIGHTHS = " ▏▎▍▌▋▊▉"


def bar(value: float, largest: float, width: int = WIDTH) -> str:
    """Return a bar of a value; the largest value fills the width."""
    if largest <= 0 or value <= 0:
        return ""
    eighths = max(round(min(value / largest, 1) * width * 8), 1)
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")
