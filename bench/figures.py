"""Small statistics and one table format for all figures."""

from collections.abc import Sequence
from statistics import median


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Give p50 and max of at least one value, in the values' own unit."""
    return f"p50 {median(values):.{digits}f}  max {max(values):.{digits}f}  (n={len(values)})"


def table(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """Print a titled table of names and figures."""
    width = max(len(name) for name, _ in rows)
    print(f"\n{title}")
    for name, figure in rows:
        print(f"  {name:<{width}}  {figure}")
