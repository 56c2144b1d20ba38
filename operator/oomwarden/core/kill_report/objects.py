"""The report as an object, for programs: keys in camelCase, times in RFC 3339, sizes in bytes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum

from oomwarden.core.kill_report.report import KillReport
from oomwarden.core.objects.members import members

_PAIRS = {"causes": "cause", "not_raised": "reason", "governed": "policy"}
"""Lists of names with kills, and what the names are."""


def as_object(report: KillReport) -> dict[str, object]:
    """Return the report as JSON has it."""
    found = _plain(report)
    assert isinstance(found, dict)  # noqa: S101 - a dataclass
    return {"kind": "OOMReport", **found}


def _plain(value: object) -> object:
    if (found := members(value)) is not None:
        return {_camel(name): _member(name, each) for name, each in found.items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _member(name: str, value: object) -> object:
    noun = _PAIRS.get(name)
    if noun and isinstance(value, tuple) and all(isinstance(each, tuple) for each in value):
        return [{noun: key, "kills": kills} for key, kills in value]
    return _plain(value)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
