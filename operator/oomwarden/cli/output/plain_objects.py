"""Dataclasses as objects for JSON and YAML: camelCase keys, RFC 3339 times, no unknown members."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any


def plain_object(value: object) -> Any:  # noqa: ANN401 - JSON
    """Return a value for JSON; members that are None are left out."""
    if is_dataclass(value):
        members = {each.name: getattr(value, each.name) for each in fields(value)}
        return {
            camel_case(name): plain_object(part)
            for name, part in members.items()
            if part is not None
        }
    if isinstance(value, Mapping):
        return {str(key): plain_object(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain_object(each) for each in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.value if isinstance(value, Enum) else value


def camel_case(name: str) -> str:
    """Return a name of Python as Kubernetes writes keys: limit_bytes is limitBytes."""
    first, *others = name.split("_")
    return first + "".join(each[:1].upper() + each[1:] for each in others)
