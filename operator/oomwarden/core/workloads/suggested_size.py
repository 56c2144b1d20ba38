"""Amounts of memory to suggest."""

_MI, _GI = 1 << 20, 1 << 30
HEADROOM = 0.25
"""On top of the largest usage that was seen."""
_STEPS = ((64 * _MI, 4 * _MI), (512 * _MI, 16 * _MI), (2 * _GI, 64 * _MI), (8 * _GI, 256 * _MI))
"""Below an amount, suggestions are multiples of the second one."""


def with_headroom(size: int) -> int:
    """Return a size with head-room, rounded up to an amount that people would write."""
    wanted = round(size * (1 + HEADROOM))
    return round_up(wanted)


def round_up(size: int) -> int:
    """Round a size up to an amount that people would write."""
    step = next((step for below, step in _STEPS if size < below), _GI)
    return -(-size // step) * step
