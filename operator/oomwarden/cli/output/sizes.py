"""Amounts of memory that may be unknown."""

from oomwarden.core.model.quantity import rounded_bytes


def short_size(size: int | None) -> str:
    """Return an amount of memory such as 512Mi, 9.9Gi or 128Gi."""
    return "<unknown>" if size is None else rounded_bytes(size)
