"""Converts pydantic models to structural schemas of Kubernetes.

Source: kubernetes staging/src/k8s.io/apiextensions-apiserver/pkg/apiserver/schema (v1.37).
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

_INT_OR_STRING = "x-kubernetes-int-or-string"
_DROPPED = {"title", "$defs", "$ref", "anyOf", "allOf", "const", "default"}
_KEPT = {
    "type", "format", "description", "enum", "pattern", "minimum", "maximum", "maxLength",
    "minItems", "maxItems", "minProperties", "maxProperties", "required", "minLength",
    "x-kubernetes-validations", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
    _INT_OR_STRING,
}  # fmt: skip
_INT32 = range(-(2**31), 2**31)


class SchemaError(Exception):
    """A model uses something that a structural schema cannot express."""


def structural(model: type[BaseModel]) -> Schema:
    """Return the structural schema of a model, for a CRD.

    Raises:
        SchemaError: A structural schema cannot express the model.
    """
    raw = model.model_json_schema(by_alias=True)
    return _Normaliser(raw.get("$defs", {})).normal(raw, model.__name__)


class _Normaliser:
    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions

    def normal(self, raw: Schema, where: str) -> Schema:
        node = _bounded(self._without_null(self._resolved(raw)))
        result = {key: node[key] for key in node if key in _KEPT}
        if "const" in node:
            result["enum"] = [node["const"]]
        if _is_worth_a_default(node.get("default")):
            result["default"] = node["default"]
        result |= self._children(node, where)
        _reject_unknown(node, where)
        return result

    def _resolved(self, node: Schema) -> Schema:
        """Replace references by their definitions; keywords beside a reference win."""
        parts = [*node.get("allOf", ()), *([{"$ref": node["$ref"]}] if "$ref" in node else ())]
        merged: Schema = {}
        for part in parts:
            reference = part.get("$ref")
            found = self._definitions[reference.rsplit("/", 1)[-1]] if reference else part
            merged |= self._resolved(found)
        return merged | {key: node[key] for key in node if key not in {"allOf", "$ref"}}

    def _without_null(self, node: Schema) -> Schema:
        """Collapse `X or null` to X: unknown fields are absent."""
        choices = [choice for choice in node.get("anyOf", ()) if choice.get("type") != "null"]
        if len(choices) != 1:
            return node
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        return self._resolved(choices[0]) | rest

    def _children(self, node: Schema, where: str) -> Schema:
        result: Schema = {}
        if "items" in node:
            result["items"] = self.normal(node["items"], f"{where}[]")
        if "properties" in node:
            result["properties"] = {
                name: self.normal(child, f"{where}.{name}")
                for name, child in node["properties"].items()
            }
        elif isinstance(node.get("additionalProperties"), dict):
            values = self.normal(node["additionalProperties"], f"{where}{{}}")
            result["additionalProperties"] = values
        return result


def _bounded(node: Schema) -> Schema:
    """Express bounds once: by the CEL rule if there is one, else as minimum and maximum."""
    if node.get("type") != "integer":
        return node
    low, high = _inclusive(node)
    bounds = {"minimum": low, "maximum": high}
    has_rule = "x-kubernetes-validations" in node
    fits = low is not None and high is not None and low in _INT32 and high in _INT32
    result = {key: node[key] for key in node if key not in _BOUNDS}
    result["format"] = "int32" if fits else "int64"
    return result | {
        key: value for key, value in bounds.items() if value is not None and not has_rule
    }


_BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}


def _inclusive(node: Schema) -> tuple[int | None, int | None]:
    low, high = node.get("minimum"), node.get("maximum")
    if "exclusiveMinimum" in node:
        low = node["exclusiveMinimum"] + 1
    if "exclusiveMaximum" in node:
        high = node["exclusiveMaximum"] - 1
    return low, high


def _is_worth_a_default(value: object) -> bool:
    """Return whether the API server should store the default; empty is the same as absent."""
    return value is not None and value != [] and not isinstance(value, dict)


def _reject_unknown(node: Schema, where: str) -> None:
    children = {"items", "properties", "additionalProperties"}
    if unknown := node.keys() - _KEPT - _DROPPED - children:
        raise SchemaError(f"{where}: a structural schema has no {', '.join(sorted(unknown))}")
    if not {"type", "const", _INT_OR_STRING} & node.keys():
        raise SchemaError(f"{where}: a structural schema needs one type")
