"""Reads parts of a JSON object; a part of another type counts as absent."""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]
"""A JSON object, or a part of one, that is only read."""
Manifest = dict[str, Any]
"""A whole Kubernetes object as JSON."""


def object_at(found: object, key: str) -> Json:
    """Return a member that should be an object; empty if it is not one."""
    part = found.get(key) if isinstance(found, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def objects_at(found: object, key: str) -> list[Json]:
    """Return the objects in a member that should be a list of objects."""
    part = found.get(key) if isinstance(found, Mapping) else None
    return [each for each in part if isinstance(each, Mapping)] if isinstance(part, list) else []


def object_name(manifest: object) -> str:
    """Return the name of an object; empty if it has none."""
    return str(object_at(manifest, "metadata").get("name") or "")


def object_namespace(manifest: object) -> str:
    """Return the namespace of an object; empty if it has none."""
    return str(object_at(manifest, "metadata").get("namespace") or "")


def object_labels(manifest: object) -> Json:
    """Return the labels of an object."""
    return object_at(object_at(manifest, "metadata"), "labels")
