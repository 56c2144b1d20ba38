"""Fields of a newer CRD, which an older version must not ignore silently."""

from collections.abc import Mapping
from functools import cache
from typing import Any, get_args

from msgspec.structs import fields

from oomwarden.api.codec.values import Value


def unknown_fields(spec: Mapping[str, Any], kind: type[Value]) -> tuple[str, ...]:
    """Return the dotted paths of fields that this version does not know, such as `rules[0].memory`.

    A policy with such fields asks for more than this version can do.
    """
    known = _known_fields(kind)
    paths: list[str] = []
    for key, value in spec.items():
        if key not in known:
            paths.append(key)
        elif inner := known[key]:
            paths += [f"{key}{path}" for path in _unknown_below(value, inner)]
    return tuple(sorted(paths))


def _unknown_below(value: object, kind: type[Value]) -> list[str]:
    if isinstance(value, Mapping):
        return [f".{path}" for path in unknown_fields(value, kind)]
    if isinstance(value, list):
        below = enumerate(_unknown_below(each, kind) for each in value)
        return [f"[{index}]{path}" for index, paths in below for path in paths]
    return []


@cache
def _known_fields(kind: type[Value]) -> dict[str, type[Value] | None]:
    """Return the fields of a type as JSON names them, with the types of those that are objects."""
    return {each.encode_name: _inner_type(each.type) for each in fields(kind)}


def _inner_type(annotation: object) -> type[Value] | None:
    """Return the type in `X`, `X | None`, `tuple[X, ...]` or one of these with checks."""
    if isinstance(annotation, type) and issubclass(annotation, Value):
        return annotation
    found = (_inner_type(part) for part in get_args(annotation))
    return next((each for each in found if each), None)
