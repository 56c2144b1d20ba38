"""An object as the API server completes it before it validates it.

Source: kubernetes apiextensions-apiserver pkg/apiserver/schema/defaulting (v1.37). Null counts as
absent, except in a list.
"""

from copy import deepcopy
from typing import Any

from oomwarden.api.schema.structural_schema import Schema


def completed(value: Any, schema: Schema) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value with the defaults of a schema, and without unknown fields and nulls."""
    if isinstance(value, dict):
        return _object(value, schema)
    if isinstance(value, list):
        items = schema.get("items", {})
        return [completed(each, items) for each in value]
    return value


def _object(value: dict[str, Any], schema: Schema) -> dict[str, Any]:
    properties: dict[str, Schema] = schema.get("properties", {})
    others = schema.get("additionalProperties")
    found = {
        key: completed(each, properties.get(key) or others or {})
        for key, each in value.items()
        if each is not None and (key in properties or others is not None)
    }
    defaults = {key: each["default"] for key, each in properties.items() if "default" in each}
    return {**{key: deepcopy(each) for key, each in defaults.items() if key not in found}, **found}
