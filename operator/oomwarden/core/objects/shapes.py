"""Validates objects against shapes: a part of another shape is left out, and reported.

A shape takes a value, its path and the list of problems, and returns the value or ABSENT. Null
counts as absent, as everywhere in Kubernetes.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from oomwarden.api.free_text import readable
from oomwarden.core.model.quantity import parse_bytes

ABSENT = object()
Problems = list[str]
Shape = Callable[[Any, str, Problems], Any]
_SHOWN = 40
_MAX_REPORTED = 5


def validated(value: object, shape: Shape) -> tuple[Any, str]:
    """Return the valid parts of a value, and what is wrong with the others; empty if nothing is."""
    problems: Problems = []
    found = shape(value, "", problems)
    more = f"; and {len(problems) - _MAX_REPORTED} more" if len(problems) > _MAX_REPORTED else ""
    return found, "; ".join(problems[:_MAX_REPORTED]) + more


def any_value(value: Any, path: str, problems: Problems) -> Any:  # noqa: ANN401, ARG001 - a shape
    """Accept any value."""
    return value


def text(value: Any, path: str, problems: Problems) -> Any:  # noqa: ANN401 - a shape
    """Accept text as it is."""
    return value if isinstance(value, str) else _left_out(value, path, problems, "not text")


def free_text(size: int) -> Shape:
    """Accept text for display: it is made printable and truncated."""

    def shape(value: Any, path: str, problems: Problems) -> Any:  # noqa: ANN401 - a shape
        found = text(value, path, problems)
        return found if found is ABSENT else readable(found, size)

    return shape


def one_of(*known: str) -> Shape:
    """Accept one of these words; another one comes from a newer Kubernetes."""

    def shape(value: Any, path: str, problems: Problems) -> Any:  # noqa: ANN401 - a shape
        if isinstance(value, str) and value in known:
            return value
        return _left_out(value, path, problems, f"none of {', '.join(known)}")

    return shape


def integer(value: Any, path: str, problems: Problems) -> Any:  # noqa: ANN401 - a shape
    """Accept an integer."""
    fits = isinstance(value, int) and not isinstance(value, bool)
    return value if fits else _left_out(value, path, problems, "not an integer")


def memory_amount(value: Any, path: str, problems: Problems) -> Any:  # noqa: ANN401 - a shape
    """Accept a quantity of memory, with blanks around it (quantity.go, UnmarshalJSON)."""
    try:
        parse_bytes(str(value).strip())
    except (ValueError, OverflowError):
        return _left_out(value, path, problems, "not an amount of memory")
    return value


def timestamp(value: Any, path: str, problems: Problems) -> Any:  # noqa: ANN401 - a shape
    """Accept a time in RFC 3339, with its zone."""
    try:
        aware = datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        aware = False
    return value if aware else _left_out(value, path, problems, "not a time")


def object_with(**shapes: Shape) -> Shape:
    """Accept an object; keep only these fields."""

    def take(value: Mapping[str, Any], path: str, problems: Problems) -> dict[str, Any]:
        given = {key: value[key] for key in shapes if value.get(key) is not None}
        return {
            key: shapes[key](each, f"{path}.{key}".lstrip("."), problems)
            for key, each in given.items()
        }

    return _object(take)


def map_of(of: Shape) -> Shape:
    """Accept an object with any keys."""

    def take(value: Mapping[str, Any], path: str, problems: Problems) -> dict[str, Any]:
        return {
            key: of(each, f"{path}[{readable(key, _SHOWN)}]", problems)
            for key, each in value.items()
        }

    return _object(take)


def _object(take: Callable[[Mapping[str, Any], str, Problems], dict[str, Any]]) -> Shape:
    def shape(value: Any, path: str, problems: Problems) -> Any:  # noqa: ANN401 - a shape
        if not isinstance(value, Mapping):
            return _left_out(value, path, problems, "not an object")
        found = take(value, path, problems)
        return {key: each for key, each in found.items() if each is not ABSENT}

    return shape


def list_of(of: Shape) -> Shape:
    """Accept a list."""

    def shape(value: Any, path: str, problems: Problems) -> Any:  # noqa: ANN401 - a shape
        if not isinstance(value, list):
            return _left_out(value, path, problems, "not a list")
        found = (of(each, f"{path}[{index}]", problems) for index, each in enumerate(value))
        return [each for each in found if each is not ABSENT]

    return shape


def required(shape: Shape, *keys: str) -> Shape:
    """Accept an object only if it has these fields."""

    def needing(value: Any, path: str, problems: Problems) -> Any:  # noqa: ANN401 - a shape
        found = shape(value, path, problems)
        missing = [key for key in keys if found is not ABSENT and not found.get(key)]
        if missing:
            problems.append(f"{path or 'it'} has no {' and no '.join(missing)}")
        return ABSENT if missing else found

    return needing


def _left_out(value: object, path: str, problems: Problems, why: str) -> object:
    shown = readable(repr(value) if isinstance(value, str | int | float) else type(value), _SHOWN)
    problems.append(f"{path or 'it'} is {why}: {shown}")
    return ABSENT
