"""Objects as JSON, YAML or names: `-o json|yaml|name`."""

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import yaml

from oomwarden.cli.output.terminal import visible


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


def names(objects: Sequence[dict[str, Any]], title: str) -> str:
    """Return a line such as oomkill.oomwarden.io/api-7d9f-3f9c2a1b for each object."""
    return "".join(f"{title}/{visible(each['metadata']['name'])}\n" for each in objects)
