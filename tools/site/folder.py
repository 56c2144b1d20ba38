"""A working directory in which the documentation's commands find the files that they name."""

from pathlib import Path

_LINKED = ("examples", "charts", "docs", "deploy", "Makefile")
_USAGE = "tests/core/usage_pattern/data/leak.csv"
"""The samples of `usage.csv`."""


def link_repository(root: Path, folder: Path) -> None:
    """Link what commands may read, so that they write nothing into the repository itself."""
    for each in _LINKED:
        (folder / each).symlink_to(root / each)
    (folder / "usage.csv").symlink_to(root / _USAGE)
