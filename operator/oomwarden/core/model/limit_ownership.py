"""Whether a container's memory limit is ours, by the record that the operator keeps (OOMLimit).

A pod's managedFields decide nothing: whoever may patch pods can write them. The limit itself only
changes through pods/resize. So one that is as the operator has set it is ours, and one that is
not was changed by somebody with that right.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from oomwarden.api.oomlimit import KeptLimit, Step
from oomwarden.core.model.quantity import exact_quantity, parse_bytes

if TYPE_CHECKING:
    from oomwarden.core.model.pod import ContainerFacts

MANAGER = "oomwarden-"
_SUBRESOURCE = "resize"
_LIMIT = ("f:resources", "f:limits", "f:memory")
_SOMEBODY = "somebody"
_NAME_LENGTH = 128


@dataclass(frozen=True, slots=True)
class LimitOwner:
    """The limit is ours. `before` in bytes, None: there was none; `at` as RFC 3339, in seconds."""

    step: Step
    before: int | None
    at: str = ""


@dataclass(frozen=True, slots=True)
class LimitWriters:
    """Who changed the limit since we first set it: `mark` if we, `foreign` if somebody else."""

    mark: LimitOwner | None = None
    foreign: str = ""


def field_manager_name(step: Step, container: str) -> str:
    """Name the field manager of a write, for people who look at a pod's managedFields."""
    return f"{MANAGER}{step.lower()}/{container}"


def with_evidence(container: "ContainerFacts", kept: KeptLimit | None) -> "ContainerFacts":
    """Say of a container whether its limit is ours."""
    spec = container.spec
    return replace(container, spec=replace(spec, writers=_writers(kept, spec.asked, spec.changer)))


def _writers(kept: KeptLimit | None, asked: int | None, changer: str) -> LimitWriters:
    if kept is None:
        return LimitWriters()
    before = _bytes(kept.before)
    if asked == parse_bytes(kept.limit):
        return LimitWriters(LimitOwner(kept.step, before, kept.at))
    if kept.pending and asked == _bytes(kept.was):  # the resize was refused, or is under way
        return (
            LimitWriters()
            if asked == before
            else LimitWriters(LimitOwner(Step.LIMIT, before, kept.at))
        )
    return LimitWriters(foreign=changer or _SOMEBODY)


def begun(name: str, mark: LimitOwner, limit: int, asked: int | None) -> KeptLimit:
    """Give what is kept before a container's limit is changed from `asked` to `limit`, in bytes."""
    return KeptLimit(
        name=name,
        step=mark.step,
        before=_text(mark.before),
        limit=exact_quantity(limit),
        pending=True,
        was=_text(asked),
        at=mark.at,
    )


def confirmed(kept: KeptLimit) -> KeptLimit:
    """Give what is kept once the pod has the limit."""
    return kept.model_copy(update={"pending": False, "was": None})


def _bytes(amount: str | None) -> int | None:
    return None if amount is None else parse_bytes(amount)


def _text(size: int | None) -> str | None:
    return None if size is None else exact_quantity(size)


def changers(
    managed_fields: Iterable[Mapping[str, Any]], containers: str, container: str
) -> tuple[str, ...]:
    """Name who says to have changed a container's memory limit through pods/resize.

    Args:
        managed_fields: metadata.managedFields of the Pod.
        containers: The list of the Pod's spec that it stands in, such as initContainers.
        container: Its name.
    """
    path = ("f:spec", f"f:{containers}", f'k:{{"name":"{container}"}}', *_LIMIT)
    resized = (each for each in managed_fields if each.get("subresource") == _SUBRESOURCE)
    return tuple(
        str(each.get("manager") or "")[:_NAME_LENGTH] for each in resized if _owns(each, path)
    )


def changer(names: Iterable[str]) -> str:
    """Give the last one that is not the operator; for people's eyes only."""
    found = next((each for each in reversed(tuple(names)) if not each.startswith(MANAGER)), "")
    return "".join(each if each.isprintable() else "?" for each in found)


def _owns(entry: Mapping[str, Any], path: Iterable[str]) -> bool:
    inner: Any = entry.get("fieldsV1")
    for key in path:
        if not isinstance(inner, dict) or (inner := inner.get(key)) is None:
            return False
    return True
