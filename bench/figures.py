"""Statistics and the table format that all figures share."""

from collections.abc import Sequence
from statistics import median, quantiles


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Format p50, p99 and max of at least one value, in the unit of the values."""
    p99 = quantiles(values, n=100, method="inclusive")[98] if len(values) > 1 else values[0]
    parts = (f"{name} {value:.{digits}f}" for name, value in (
        ("p50", median(values)), ("p99", p99), ("max", max(values)),
    ))  # fmt: skip
    return "  ".join((*parts, f"(n={len(values)})"))


def table(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """Print a titled table of names and figures."""
    width = max(len(name) for name, _ in rows)
    print(f"\n{title}")
    for name, figure in rows:
        print(f"  {name:<{width}}  {figure}")
