"""Whether oomwarden set a container's memory limit, according to the operator's record (OOMLimit).

A pod's managedFields decide nothing, because anyone who may patch pods can write them. The limit
itself changes only through pods/resize. So a limit that equals the operator's record was set by
oomwarden, and any other was set by someone with that permission.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs
from msgspec.structs import replace

from oomwarden.api.oomlimit import KeptLimit, Step
from oomwarden.core.model.quantity import exact_quantity, parse_bytes

if TYPE_CHECKING:
    from oomwarden.core.model.pod import ContainerFacts

MANAGER = "oomwarden-"
_SUBRESOURCE = "resize"
_LIMIT = ("f:resources", "f:limits", "f:memory")
_UNKNOWN_WRITER = "another client"
_NAME_LENGTH = 128


class LimitOwner(Struct, frozen=True):
    """A limit that oomwarden set.

    Attributes:
        step: Which feature set it.
        before: The limit before oomwarden first changed it, in bytes; None for no limit.
        at: When it was set, in RFC 3339 with whole seconds.
    """

    step: Step
    before: int | None
    at: str = ""


class LimitOwnership(Struct, frozen=True):
    """Who changed the limit since oomwarden first set it.

    Attributes:
        owner: Set if oomwarden changed it last.
        other_writer: Name of another writer that changed it last.
    """

    owner: LimitOwner | None = None
    other_writer: str = ""


def field_manager_name(step: Step, container: str) -> str:
    """Return the field manager of a write, which shows in a pod's managedFields."""
    return f"{MANAGER}{step.lower()}/{container}"


def with_ownership(container: "ContainerFacts", record: KeptLimit | None) -> "ContainerFacts":
    """Return the container with the ownership of its limit, according to the record."""
    spec = container.spec
    return replace(
        container, spec=replace(spec, ownership=_writers(record, spec.limit, spec.last_writer))
    )


def _writers(record: KeptLimit | None, current: int | None, writer: str) -> LimitOwnership:
    if record is None:
        return LimitOwnership()
    before = _bytes(record.before)
    if current == parse_bytes(record.limit):
        return LimitOwnership(LimitOwner(record.step, before, record.at))
    if record.pending and current == _bytes(record.was):  # the resize was refused or is in progress
        return (
            LimitOwnership()
            if current == before
            else LimitOwnership(LimitOwner(Step.LIMIT, before, record.at))
        )
    return LimitOwnership(other_writer=writer or _UNKNOWN_WRITER)


def pending_limit(name: str, owner: LimitOwner, limit: int, current: int | None) -> KeptLimit:
    """Return the record to write before a container's limit changes.

    Args:
        name: The container's name.
        owner: What the record says once the limit is set.
        limit: The new limit, in bytes.
        current: The limit now, in bytes.
    """
    return KeptLimit(
        name=name,
        step=owner.step,
        before=_text(owner.before),
        limit=exact_quantity(limit),
        pending=True,
        was=_text(current),
        at=owner.at,
    )


def confirmed_limit(record: KeptLimit) -> KeptLimit:
    """Return the record once the pod has the limit."""
    return structs.replace(record, pending=False, was=None)


def _bytes(amount: str | None) -> int | None:
    return None if amount is None else parse_bytes(amount)


def _text(size: int | None) -> str | None:
    return None if size is None else exact_quantity(size)


def limit_managers(
    managed_fields: Iterable[Mapping[str, Any]], containers: str, container: str
) -> tuple[str, ...]:
    """Return the field managers that claim to have changed a container's limit through pods/resize.

    Args:
        managed_fields: metadata.managedFields of the Pod.
        containers: The list in the Pod's spec that has the container, such as initContainers.
        container: The container's name.
    """
    path = ("f:spec", f"f:{containers}", f'k:{{"name":"{container}"}}', *_LIMIT)
    resized = (each for each in managed_fields if each.get("subresource") == _SUBRESOURCE)
    return tuple(
        str(each.get("manager") or "")[:_NAME_LENGTH] for each in resized if _owns(each, path)
    )


def last_other_manager(names: Iterable[str]) -> str:
    """Return the last manager that is not the operator, made printable. For display only."""
    found = next((each for each in reversed(tuple(names)) if not each.startswith(MANAGER)), "")
    return "".join(each if each.isprintable() else "?" for each in found)


def _owns(entry: Mapping[str, Any], path: Iterable[str]) -> bool:
    inner: Any = entry.get("fieldsV1")
    for key in path:
        if not isinstance(inner, dict) or (inner := inner.get(key)) is None:
            return False
    return True
