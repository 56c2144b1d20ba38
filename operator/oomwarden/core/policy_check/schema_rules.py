"""Validates a value against a structural schema, in the words of the API server.

Sources: kube-openapi pkg/validation/validate, and kubernetes apiextensions-apiserver
pkg/apiserver/validation/validation.go and pkg/apiserver/schema/listtype (v1.37).
"""

import json
from collections.abc import Iterator
from typing import Any

from oomwarden.api.schema.structural_schema import Schema
from oomwarden.core.policy_check.field_errors import (
    NO_PATH,
    FieldError,
    duplicate,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
    wrong_type,
)

KEYWORDS = {
    "type", "description", "default", "enum", "format", "maxLength", "minLength", "maxItems",
    "minItems", "maxProperties", "required", "properties", "items", "additionalProperties",
    "x-kubernetes-validations", "x-kubernetes-list-type", "x-kubernetes-int-or-string",
}  # fmt: skip
"""What is known here; a test compares it with the schemas of the policies."""
_INT32 = range(-(2**31), 2**31)


def schema_errors(value: object, schema: Schema, path: str) -> Iterator[FieldError]:
    """Yield what is wrong with a value that has its defaults."""
    yield from _of_type(value, schema, path)
    if "enum" in schema and value not in schema["enum"]:
        yield not_supported(path, value, [str(each) for each in schema["enum"]])
    if isinstance(value, str):
        yield from _of_text(value, schema, path)
    elif isinstance(value, list):
        yield from _of_list(value, schema, path)
    elif isinstance(value, dict):
        yield from _of_object(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _of_number(value, schema, path)


def _of_type(value: object, schema: Schema, path: str) -> Iterator[FieldError]:
    expected = ["integer", "string"] if "x-kubernetes-int-or-string" in schema else [schema["type"]]
    found = type_name(value)
    if found in expected:
        return
    if "format" in schema and not isinstance(value, str | list) and value is not None:
        yield wrong_type(path, schema["format"], "float64" if found == "number" else "")
    else:
        yield wrong_type(path, ",".join(expected), found)


def type_name(value: object) -> str:
    """Return the type of a value in JSON Schema."""
    names: list[tuple[Any, str]] = [
        (bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"),
        (dict, "object"),
    ]  # fmt: skip
    return next((name for kind, name in names if isinstance(value, kind)), "null")


def _of_text(value: str, schema: Schema, path: str) -> Iterator[FieldError]:
    most, least = schema.get("maxLength"), schema.get("minLength", 0)
    if most is not None and len(value) > most:
        yield too_long(path, most)
    elif len(value) < least:
        yield invalid(path, value, f"{path} in body should be at least {least} chars long")


def _of_number(value: float, schema: Schema, path: str) -> Iterator[FieldError]:
    fits = isinstance(value, int) and value in _INT32
    if schema.get("format") == "int32" and not fits:
        detail = f"Checked value must be of type integer with format int32 in {path}"
        yield invalid(NO_PATH, "", detail)


def _of_list(value: list[Any], schema: Schema, path: str) -> Iterator[FieldError]:
    if "items" in schema:
        for index, each in enumerate(value):
            yield from schema_errors(each, schema["items"], f"{path}[{index}]")
    if (least := schema.get("minItems", 0)) > len(value):
        yield invalid(path, len(value), f"{path} in body should have at least {least} items")
    if (most := schema.get("maxItems", len(value))) < len(value):
        yield too_many(path, len(value), most)


def _of_object(value: dict[str, Any], schema: Schema, path: str) -> Iterator[FieldError]:
    if (most := schema.get("maxProperties", len(value))) < len(value):
        yield too_many(path, len(value), most)
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    for key, each in value.items():
        inner = properties.get(key) or others
        if inner is not None:
            yield from schema_errors(each, inner, f"{path}.{key}" if path else key)
    for key in schema.get("required", ()):
        if key not in value:
            yield required(f"{path}.{key}" if path else key)


def set_errors(value: object, schema: Schema, path: str) -> Iterator[FieldError]:
    """Yield the items that a list of the type `set` has twice, each at its first repetition."""
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        for key, each in value.items():
            inner = properties.get(key) or others or {}
            yield from set_errors(each, inner, f"{path}.{key}" if path else key)
    if isinstance(value, list):
        if schema.get("x-kubernetes-list-type") == "set":
            yield from (duplicate(f"{path}[{at}]", value[at]) for at in _repetitions(value))
        for index, each in enumerate(value):
            yield from set_errors(each, schema.get("items", {}), f"{path}[{index}]")


def _repetitions(items: list[Any]) -> Iterator[int]:
    counts: dict[str, int] = {}
    for index, each in enumerate(items):
        key = json.dumps(each, sort_keys=True)
        counts[key] = counts.get(key, 0) + 1
        if counts[key] == 2:  # noqa: PLR2004 - a third one is not reported again
            yield index
