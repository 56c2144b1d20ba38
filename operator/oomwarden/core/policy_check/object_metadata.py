"""Validates `metadata` in the words of the API server.

Sources: kubernetes apimachinery pkg/api/validation/objectmeta.go and pkg/api/validate/content;
Go's encoding/json for what does not fit into the type ObjectMeta (v1.37).
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from oomwarden.core.objects.json_parts import Json
from oomwarden.core.policy_check.cel_rules import is_label_key, is_label_value
from oomwarden.core.policy_check.field_errors import FieldError, invalid, required
from oomwarden.core.policy_check.schema_rules import type_name

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_ENDS = "and must start and end with an alphanumeric character"
_CHARACTERS = f"must consist of alphanumeric characters, '-', '_' or '.', {_ENDS}"
_NO_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    f"'.', {_ENDS} (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_NO_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    f"{_ENDS} (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_NO_KEY = (
    f"{_CHARACTERS} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    f"'{_KEY}')"
)
_NO_VALUE = (
    f"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    f"'.', {_ENDS} (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'({_KEY})?')"
)
_MAX_SUBDOMAIN, _MAX_LABEL = 253, 63
_TYPES = {
    "name": "string", "generateName": "string", "namespace": "string", "resourceVersion": "string",
    "uid": "types.UID", "generation": "int64", "labels": "map[string]string",
    "annotations": "map[string]string", "finalizers": "[]string",
    "ownerReferences": "[]v1.OwnerReference", "managedFields": "[]v1.ManagedFieldsEntry",
}  # fmt: skip
"""Fields of ObjectMeta, and their types in Go."""
_GO_NAMES = {"boolean": "bool", "integer": "number"}


def type_error(metadata: object) -> str:
    """Return what Go says of a value that does not fit into ObjectMeta; empty if all do."""
    if metadata is not None and not isinstance(metadata, Mapping):
        return f"json: cannot unmarshal {_go(metadata)} into Go value of type v1.ObjectMeta"
    for name, value in sorted((metadata or {}).items()):
        wanted = _TYPES.get(name)
        misfit = _misfit(value, wanted) if wanted else None
        if misfit:
            found, kind = misfit
            place = f"Go struct field ObjectMeta.{name} of type {kind}"
            return f"json: cannot unmarshal {_go(found)} into {place}"
    return ""


def _misfit(value: object, wanted: str) -> tuple[object, str] | None:
    """Return the value that does not fit, and the type that it should have."""
    if value is None:
        return None
    if wanted.startswith("map["):
        return _first(value.values(), "string") if isinstance(value, Mapping) else (value, wanted)
    if wanted.startswith("[]"):
        return _first(value, wanted[2:]) if isinstance(value, list) else (value, wanted)
    return None if _fits(value, wanted) else (value, wanted)


def _first(values: Iterable[object], wanted: str) -> tuple[object, str] | None:
    """Return the first value of a map or a list that does not fit; null fits everywhere."""
    return next(((each, wanted) for each in values if not _fits(each, wanted)), None)


def _fits(value: object, wanted: str) -> bool:
    if value is None:
        return True
    if wanted == "int64":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, Mapping if wanted.startswith("v1.") else str)


def _go(value: object) -> str:
    return _GO_NAMES.get(type_name(value), type_name(value))


def metadata_errors(metadata: Json) -> Iterator[FieldError]:
    """Yield what is wrong with metadata whose values have the types of ObjectMeta."""
    name, prefix = metadata.get("name") or "", metadata.get("generateName") or ""
    if prefix:
        yield from _name_errors("metadata.generateName", prefix, prefix.removesuffix("-") or "-")
    if name:
        yield from _name_errors("metadata.name", name, name)
    elif not prefix:
        yield required("metadata.name", "name or generateName is required")
    namespace = metadata.get("namespace") or ""
    if namespace and not re.fullmatch(_LABEL, namespace):
        yield invalid("metadata.namespace", namespace, _NO_LABEL)
    for key, value in (metadata.get("labels") or {}).items():
        yield from (invalid("metadata.labels", key, why) for why in _key_problems(key))
        yield from (invalid("metadata.labels", value, why) for why in _value_problems(value or ""))
    for key in metadata.get("annotations") or {}:
        problems = _key_problems(key.lower())
        yield from (invalid("metadata.annotations", key, why) for why in problems)
    for index, owner in enumerate(metadata.get("ownerReferences") or ()):
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                yield required(f"metadata.ownerReferences[{index}].{name}", "must not be empty")


def _name_errors(path: str, shown: str, name: str) -> Iterator[FieldError]:
    if len(name) > _MAX_SUBDOMAIN:
        yield invalid(path, shown, _longer_than(_MAX_SUBDOMAIN))
    if not re.fullmatch(_SUBDOMAIN, name):
        yield invalid(path, shown, _NO_SUBDOMAIN)


def _longer_than(most: int) -> str:
    return f"must be no more than {most} characters"


def _key_problems(key: str) -> Iterator[str]:
    if is_label_key(key):
        return
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        place = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        yield f"a valid label key {_NO_KEY} {place}"
        return
    if slash and not prefix:
        yield "prefix part must be non-empty"
    elif slash and not re.fullmatch(_SUBDOMAIN, prefix):
        yield f"prefix part {_NO_SUBDOMAIN}"
    if not name:
        yield "name part must be non-empty"
    elif len(name) > _MAX_LABEL:
        yield f"name part {_longer_than(_MAX_LABEL)}"
    if not re.fullmatch(_KEY, name):
        yield f"name part {_NO_KEY}"


def _value_problems(value: str) -> Iterator[str]:
    if is_label_value(value):
        return
    if len(value) > _MAX_LABEL:
        yield f"must be no more than {_MAX_LABEL} bytes"
    if not re.fullmatch(_KEY, value):
        yield _NO_VALUE
