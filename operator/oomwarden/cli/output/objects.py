"""Objects as JSON, YAML or names: `-o json|yaml|name`."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Any

import yaml

from oomwarden.cli.output.terminal import visible
from oomwarden.core.objects.members import members


class Output(StrEnum):
    """Forms besides the table for people."""

    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


def as_list(items: Sequence[Any]) -> dict[str, Any]:
    """Return objects as kubectl lists them."""
    return {"apiVersion": "v1", "kind": "List", "items": list(items), "metadata": {}}


def serialized(value: object, output: Output) -> str:
    """Return a value as JSON or YAML. Both escape control characters."""
    if output == Output.YAML:
        return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    return json.dumps(value, indent=4) + "\n"


def in_stream(value: object, output: Output) -> str:
    """Return a value as one of several that follow each other: documents, in YAML."""
    return serialized(value, output) + ("---\n" if output == Output.YAML else "")


def names(objects: Sequence[dict[str, Any]], title: str) -> str:
    """Return a line such as oomkill.oomwarden.io/api-7d9f-3f9c2a1b for each object."""
    return "".join(f"{title}/{visible(each['metadata']['name'])}\n" for each in objects)


def plain_object(value: object) -> Any:  # noqa: ANN401 - JSON
    """Return a value for JSON: keys in camelCase, times in RFC 3339, and no members of None."""
    if (found := members(value)) is not None:
        return {
            camel_case(name): plain_object(part) for name, part in found.items() if part is not None
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
