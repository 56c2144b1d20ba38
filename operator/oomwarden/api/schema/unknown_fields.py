"""Fields of a newer CRD, which an older version must not ignore silently."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel


def unknown_fields(spec: Mapping[str, Any], model: type[BaseModel]) -> tuple[str, ...]:
    """Return the dotted paths of fields that this version does not know, such as `rules[0].memory`.

    A policy with such fields asks for more than this version can do.
    """
    known = {field.alias or name: field for name, field in model.model_fields.items()}
    paths: list[str] = []
    for key, value in spec.items():
        if key not in known:
            paths.append(key)
        elif inner := _inner_model(known[key].annotation):
            paths += [f"{key}{path}" for path in _unknown_below(value, inner)]
    return tuple(sorted(paths))


def _unknown_below(value: object, model: type[BaseModel]) -> list[str]:
    if isinstance(value, Mapping):
        return [f".{path}" for path in unknown_fields(value, model)]
    if isinstance(value, list):
        below = enumerate(_unknown_below(each, model) for each in value)
        return [f"[{index}]{path}" for index, paths in below for path in paths]
    return []


def _inner_model(annotation: object) -> type[BaseModel] | None:
    """Return the model in `X`, `X | None` or `tuple[X, ...]`."""
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None
