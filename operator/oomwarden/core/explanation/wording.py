"""Words that several parts of a story use."""

from collections.abc import Sequence

from oomwarden.core.model.quantity import rounded_bytes

MAX_NAMED = 4


def amount(size: int | None) -> str:
    """Return bytes for people; "unknown" for None."""
    return "unknown" if size is None else rounded_bytes(size)


def times(count: int) -> str:
    """Return how often, in words."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def listed(names: Sequence[str], most: int = MAX_NAMED) -> str:
    """Return names as a list for people, of which the first are named."""
    shown = list(names[:most])
    if more := len(names) - len(shown):
        return f"{', '.join(shown)} and {more} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))
