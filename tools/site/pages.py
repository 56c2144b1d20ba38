"""The pages whose links and commands are tested."""

from pathlib import Path

_TOPS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "examples", "charts", "docs")
_HISTORY = "docs/decisions"
"""Records of decisions show commands of their time."""


def documented_pages(root: Path) -> list[Path]:
    """Return the pages for users and developers, in order."""
    found = [page for top in _TOPS for page in _pages(root / top)]
    return [page for page in found if not page.is_relative_to(root / _HISTORY)]


def _pages(top: Path) -> list[Path]:
    return sorted(top.rglob("*.md")) if top.is_dir() else [top]
