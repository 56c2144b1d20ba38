from collections.abc import Iterator
from typing import Any

import pytest
from oomwarden.api.models.oomkill import OOMKill
from oomwarden.api.schema.crds import manifests
from oomwarden.api.schema.kinds import KINDS

FORBIDDEN = {"$ref", "$defs", "anyOf", "title", "const", "exclusiveMinimum", "nullable"}


def nodes(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key], f"{path}[]")


INT_OR_STRING = "x-kubernetes-int-or-string"


def schema_of(plural: str) -> dict[str, Any]:
    [version] = manifests()[plural]["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


PLURALS = [kind.plural for kind in KINDS]


@pytest.mark.parametrize("plural", PLURALS)
def test_every_field_has_a_description_for_kubectl_explain(plural: str) -> None:
    silent = [
        f"{path}.{name}"
        for path, node in nodes(schema_of(plural), plural)
        for name, child in node.get("properties", {}).items()
        if not child.get("description") and path + name != plural + "metadata"
    ]
    assert silent == []


@pytest.mark.parametrize("plural", PLURALS)
def test_schemas_are_structural(plural: str) -> None:
    for path, node in nodes(schema_of(plural), plural):
        assert {"type", INT_OR_STRING} & node.keys(), path
        assert not FORBIDDEN & node.keys(), path
        assert not ("properties" in node and "additionalProperties" in node), path


@pytest.mark.parametrize("plural", ["oompolicies", "clusteroompolicies"])
def test_everything_that_a_user_may_write_is_bounded(plural: str) -> None:
    for path, node in nodes(schema_of(plural)["properties"]["spec"], "spec"):
        if node.get("type") == "array":
            assert "maxItems" in node, path
        if node.get("type") == "string" or INT_OR_STRING in node:
            assert "maxLength" in node or "enum" in node, path
        if "additionalProperties" in node:
            assert "maxProperties" in node, path


def test_no_fact_of_a_record_may_change() -> None:
    rules = schema_of("oomkills")["x-kubernetes-validations"]
    fields = {field.alias or name for name, field in OOMKill.model_fields.items()}
    assert {rule["fieldPath"] for rule in rules} == {f".{field}" for field in fields}
    assert all("oldSelf" in rule["rule"] for rule in rules)


def test_kinds_with_a_status_have_the_subresource() -> None:
    with_status = {
        plural
        for plural, manifest in manifests().items()
        if "status" in manifest["spec"]["versions"][0].get("subresources", {})
    }
    assert with_status == {"oompolicies", "clusteroompolicies", "oomnodes", "oomkills"}


def test_all_kinds_are_listed_together() -> None:
    names = [manifest["spec"]["names"] for manifest in manifests().values()]
    assert all(each["categories"] == ["oomwarden"] for each in names)
    assert len({short for each in names for short in each["shortNames"]}) == len(names)


ESCAPED = 6
"""Bytes of a character in JSON at worst: <, > and & are escaped (Go encoding/json)."""
DIGITS = 20
"""Of a number of 64 bits, with its sign."""


def largest(schema: dict[str, Any]) -> int:
    """Count the bytes of the largest JSON value that a schema allows."""
    match schema["type"]:
        case "string":
            plain = "pattern" in schema or "format" in schema
            values = [len(value) for value in schema.get("enum", ())]
            longest = max(values) if values else schema["maxLength"] * (1 if plain else ESCAPED)
            return 2 + int(longest)
        case "array":
            return 2 + int(schema["maxItems"]) * (largest(schema["items"]) + 1)
        case "object":
            fields = schema["properties"].items()
            return 2 + sum(len(name) + 4 + largest(value) for name, value in fields)
        case _:
            return DIGITS


def test_records_cannot_be_large() -> None:
    (version,) = manifests()["oomkills"]["spec"]["versions"]
    properties = version["schema"]["openAPIV3Schema"]["properties"]
    facts = {
        name: value for name, value in properties.items()
        if name not in {"apiVersion", "kind", "metadata", "status"}
    }  # fmt: skip
    assert largest({"type": "object", "properties": facts}) < 44 * 1024
