"""What a release is made of: the versions that must agree, and the changelog's section."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "https://github.com/oomwarden/oomwarden"
IMAGE = "ghcr.io/oomwarden/oomwarden"
_VERSION = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}")
"""The form that is a version for Python, Helm and krew alike. It leaves out pre-releases."""
_HEADING = re.compile(r"^## (?P<version>\S+)(?: \((?P<state>[^)]*)\))?$", re.MULTILINE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def version_of_tag(tag: str) -> str | None:
    """Return the version that a tag stands for, such as 1.2.3 for v1.2.3; None if it is another."""
    version = tag.removeprefix("v")
    return version if tag.startswith("v") and _VERSION.fullmatch(version) else None


def versions(root: Path) -> dict[str, str]:
    """Return each version that the repository states, by where it does."""
    chart = (root / "charts/oomwarden/Chart.yaml").read_text(encoding="utf-8")
    package = (root / "operator/oomwarden/__init__.py").read_text(encoding="utf-8")
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return {
        "pyproject.toml": str(project["project"]["version"]),
        "operator/oomwarden/__init__.py": _assigned(package, r"__version__ = "),
        "version in charts/oomwarden/Chart.yaml": _assigned(chart, "version: "),
        "appVersion in charts/oomwarden/Chart.yaml": _assigned(chart, "appVersion: "),
        "The image in charts/oomwarden/Chart.yaml": _assigned(chart, rf" +image: {IMAGE}:"),
    }


def _assigned(text: str, name: str) -> str:
    found = re.search(rf"^{name}(.*)$", text, re.MULTILINE)
    return found[1].strip().strip("\"'") if found else "missing"


def changelog_section(text: str, version: str) -> tuple[str, str] | None:
    """Return the state (a date, or `unreleased`) and the lines of a version's section."""
    headings = list(_HEADING.finditer(text))
    ends = [*(each.start() for each in headings[1:]), len(text)]
    for heading, end in zip(headings, ends, strict=True):
        if heading["version"] == version:
            return heading["state"] or "", text[heading.end() : end].strip()
    return None


def problems(tag: str, stated: Mapping[str, str], changelog: str) -> list[str]:
    """Return what prevents a release under a tag, a sentence each.

    Args:
        tag: The tag, such as v1.2.3.
        stated: The versions of `versions`.
        changelog: The text of CHANGELOG.md.
    """
    version = version_of_tag(tag)
    if version is None:
        return [f"The tag {tag!r} is not v and three numbers, such as v1.2.3."]
    found = [
        f"{place} says {each}; the tag {tag} needs {version}."
        for place, each in stated.items()
        if each != version
    ]
    return found + _changelog_problems(changelog, version)


def _changelog_problems(changelog: str, version: str) -> list[str]:
    section = changelog_section(changelog, version)
    if section is None:
        return [f"CHANGELOG.md has no section: add '## {version} (YYYY-MM-DD)'."]
    state, lines = section
    found = []
    if not _DATE.fullmatch(state):
        found.append(f"CHANGELOG.md says {version} ({state}): put the date of the release there.")
    if not lines:
        found.append(f"CHANGELOG.md has nothing about {version}.")
    return found
