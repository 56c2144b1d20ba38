"""Fields that the API server does not know, which it refuses with `fieldValidation=Strict`.

kubectl asks for that by default (--validate=strict). Source: kubernetes apiextensions-apiserver
pkg/apiserver/schema/pruning/algorithm.go and apimachinery meta/v1 ObjectMeta (v1.37).
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from oomwarden.api.schema.structural_schema import Schema

_META_FIELDS = {"apiVersion", "kind", "metadata"}
_OWNER_FIELDS = (
    "apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion",
)  # fmt: skip
_MANAGED_FIELDS = (
    "manager", "operation", "apiVersion", "time", "fieldsType", "fieldsV1", "subresource",
)  # fmt: skip
OBJECT_META_FIELDS = (
    "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation",
    "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "labels",
    "annotations", "ownerReferences", "finalizers", "managedFields",
)  # fmt: skip
_LISTS = {"ownerReferences": _OWNER_FIELDS, "managedFields": _MANAGED_FIELDS}


def unknown_paths(manifest: Mapping[str, object], schema: Schema) -> list[str]:
    """Return the paths of fields that the kind does not have, those of metadata first."""
    metadata = manifest.get("metadata")
    of_metadata = _in_metadata(metadata) if isinstance(metadata, Mapping) else ()
    rest = {key: each for key, each in manifest.items() if key not in _META_FIELDS}
    return [*sorted(of_metadata), *sorted(_below(rest, schema, ""))]


def _in_metadata(metadata: Mapping[str, object]) -> Iterator[str]:
    for key, value in metadata.items():
        if key not in OBJECT_META_FIELDS:
            yield f"metadata.{key}"
        items = value if key in _LISTS and isinstance(value, list) else []
        for index, each in enumerate(items):
            if isinstance(each, Mapping):
                known = _LISTS[key]
                yield from (f"metadata.{key}[{index}].{name}" for name in each.keys() - set(known))


def _below(value: object, schema: Schema | None, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        properties = (schema or {}).get("properties", {})
        others = (schema or {}).get("additionalProperties")
        for key, each in value.items():
            inner = f"{path}.{key}" if path else str(key)
            if key in properties:
                yield from _below(each, properties[key], inner)
            elif others is not None:
                yield from _below(each, others, inner)
            else:
                yield inner
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _below(each, (schema or {}).get("items"), f"{path}[{index}]")


def suggestion(path: str, schema: Schema) -> str:
    """Return the name of a field that was probably meant; empty if there is none."""
    *parents, name = path.split(".")
    known = list(_names(parents, schema))
    lowered = {each.lower(): each for each in known}
    found = get_close_matches(name.lower(), lowered, 1, 0.75)
    return lowered[found[0]] if found else ""


def _names(parents: list[str], schema: Schema) -> Iterator[str]:
    """Yield the names of the fields of an object in the schema."""
    if parents == ["metadata"]:
        yield from OBJECT_META_FIELDS
        return
    node: Schema = schema
    for part in parents:
        name, *indices = part.split("[")
        node = node.get("properties", {}).get(name, {})
        for _ in indices:
            node = node.get("items", {})
    yield from node.get("properties", {})
