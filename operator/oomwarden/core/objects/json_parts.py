"""Parts of an object in JSON: one of another shape than it should have counts as absent."""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def object_at(found: object, key: str) -> Json:
    """Give a part that has to be an object; empty: it is none, or what it would be in is none."""
    part = found.get(key) if isinstance(found, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def objects_at(found: object, key: str) -> list[Json]:
    """Give the objects of a part that has to be a list of such."""
    part = found.get(key) if isinstance(found, Mapping) else None
    return [each for each in part if isinstance(each, Mapping)] if isinstance(part, list) else []
