"""The order of the pages of a section: that of the links in its README."""

import re
from pathlib import Path
from typing import Any

_LINK = re.compile(r"\]\(([^)#:\s]+\.md)(?:#[^)]*)?\)")


Entry = str | dict[str, Any]


def expand(nav: list[Entry], docs: Path) -> list[Entry]:
    """Replace each folder in a navigation by its pages.

    Args:
        nav: As in mkdocs.yml: pages, and titles with a page, a folder that ends in `/`, or a list.
        docs: The folder with all pages.

    Returns:
        The navigation that mkdocs understands.
    """
    return [each if isinstance(each, str) else _expanded(each, docs) for each in nav]


def _expanded(titled: dict[str, Any], docs: Path) -> dict[str, Any]:
    ((title, entry),) = titled.items()
    if isinstance(entry, list):
        return {title: expand(entry, docs)}
    return {title: pages(docs / entry, docs) if entry.endswith("/") else entry}


def pages(folder: Path, docs: Path) -> list[str]:
    """Return a folder's README and those of its pages that it links to, as paths below `docs`."""
    linked = dict.fromkeys(_LINK.findall((folder / "README.md").read_text(encoding="utf-8")))
    names = ["README.md", *(name for name in linked if "/" not in name and name != "README.md")]
    return [(folder / name).relative_to(docs).as_posix() for name in names]
