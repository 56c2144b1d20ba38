"""Versions of a pod's facts that share what is equal: records and caches keep several of them."""

from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from oomwarden.core.model.pod import PodFacts

_S = TypeVar("_S", bound=Struct)


def sharing(facts: PodFacts, before: PodFacts | None) -> PodFacts:
    """Return equal facts that consist of parts of the version before, where those are equal."""
    if before is None:
        return facts
    known = {each.name: each for each in before.containers}
    containers = tuple(_of_parts(each, known.get(each.name)) for each in facts.containers)
    return _of_parts(replace(facts, containers=containers), before)


def _of_parts(new: _S, before: _S | None) -> _S:
    if before is None or new == before:
        return before or new
    pairs = ((name, getattr(before, name)) for name in new.__struct_fields__)
    return replace(new, **{name: old for name, old in pairs if old == getattr(new, name)})
