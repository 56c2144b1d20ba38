"""Who wrote a container's memory limit last, by its Pod's metadata.managedFields.

A running pod's resources change through the subresource `resize` alone, and the API server keeps
who changed a field last (apimachinery, managedFields). The operator writes under a manager's name
that says what the limit was before its first write: all that is needed to put it back, kept with
the pod itself, without an annotation. When somebody else changes the limit the mark goes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_PREFIX, _NONE = "oomwarden-", "none"
_SUBRESOURCE = "resize"


class Step(StrEnum):
    """What the operator wrote a limit for: memory.limit of a rule, or its onOOM.raiseLimit."""

    LIMIT = "limit"
    RAISE = "raise"


@dataclass(frozen=True, slots=True)
class Mark:
    """The limit is ours. `before` in bytes, None: there was none; `at` as RFC 3339, in seconds."""

    step: Step
    before: int | None
    at: str = ""


@dataclass(frozen=True, slots=True)
class Writers:
    """Who changed the limit since the pod was made: `mark` if we, `foreign` names somebody else."""

    mark: Mark | None = None
    foreign: str = ""


def manager(step: Step, container: str, before: int | None) -> str:
    """Name the field manager; 98 bytes at most, of the 128 that the API server takes.

    A name of its own for each container: a manager's entry holds the fields of all that it wrote.
    """
    return f"{_PREFIX}{step}/{container}/{_NONE if before is None else before}"


def writers(
    managed_fields: Iterable[Mapping[str, Any]], containers: str, container: str
) -> Writers:
    """Tell who changed a container's memory limit.

    Args:
        managed_fields: metadata.managedFields of the Pod.
        containers: The list of the Pod's spec that it stands in, such as initContainers.
        container: Its name.
    """
    mark, foreign = None, ""
    for entry in managed_fields:
        if entry.get("subresource") != _SUBRESOURCE or not _owns(entry, containers, container):
            continue
        name = str(entry.get("manager", ""))
        ours = _mark(name, container, str(entry.get("time", "")))
        mark, foreign = ours or mark, foreign if ours else name or "somebody"
    return Writers(None if foreign else mark, foreign)


def _owns(entry: Mapping[str, Any], containers: str, container: str) -> bool:
    path = ("spec", containers)
    inner: Any = entry.get("fieldsV1")
    keys = [f"f:{part}" for part in path] + [f'k:{{"name":"{container}"}}']
    keys += [f"f:{part}" for part in ("resources", "limits", "memory")]
    for key in keys:
        inner = inner.get(key) if isinstance(inner, Mapping) else None
    return inner is not None


def _mark(name: str, container: str, at: str) -> Mark | None:
    """Read a manager's name; None: it is not one of ours."""
    head, _, rest = name.partition("/")
    of, _, before = rest.partition("/")
    step = head.removeprefix(_PREFIX)
    known = head.startswith(_PREFIX) and step in set(Step)
    if not known or of != container or not (before == _NONE or before.isdecimal()):
        return None
    return Mark(Step(step), None if before == _NONE else int(before), at)
