"""Objects as they should be: a part of another shape is left out, and named.

A shape takes a value, the path to it, and the list of what is odd; it gives the value, or ABSENT.
What is null is absent, as everywhere in Kubernetes.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from oomwarden.api.free_text import readable
from oomwarden.core.model.quantity import parse_bytes

ABSENT = object()
Odd = list[str]
Shape = Callable[[Any, str, Odd], Any]
_SHOWN = 40
_MOST_ODD = 5


def shaped(value: object, shape: Shape) -> tuple[Any, str]:
    """Give what of a value has the shape, and what has not, in words; empty: all of it has."""
    odd: Odd = []
    found = shape(value, "", odd)
    more = f"; and {len(odd) - _MOST_ODD} more" if len(odd) > _MOST_ODD else ""
    return found, "; ".join(odd[:_MOST_ODD]) + more


def whatever(value: Any, path: str, odd: Odd) -> Any:  # noqa: ANN401, ARG001 - a shape
    """Take any value."""
    return value


def text(value: Any, path: str, odd: Odd) -> Any:  # noqa: ANN401 - a shape
    """Take text, as it is."""
    return value if isinstance(value, str) else _left_out(value, path, odd, "no text")


def free_text(size: int) -> Shape:
    """Take text that is printed: it is cut."""

    def shape(value: Any, path: str, odd: Odd) -> Any:  # noqa: ANN401 - a shape
        found = text(value, path, odd)
        return found if found is ABSENT else readable(found, size)

    return shape


def one_of(*known: str) -> Shape:
    """Take one of these words; another one is of a newer Kubernetes."""

    def shape(value: Any, path: str, odd: Odd) -> Any:  # noqa: ANN401 - a shape
        if isinstance(value, str) and value in known:
            return value
        return _left_out(value, path, odd, f"none of {', '.join(known)}")

    return shape


def whole(value: Any, path: str, odd: Odd) -> Any:  # noqa: ANN401 - a shape
    """Take a whole number."""
    fits = isinstance(value, int) and not isinstance(value, bool)
    return value if fits else _left_out(value, path, odd, "no whole number")


def amount(value: Any, path: str, odd: Odd) -> Any:  # noqa: ANN401 - a shape
    """Take a quantity of memory, blanks around it included (quantity.go, UnmarshalJSON)."""
    try:
        parse_bytes(str(value).strip())
    except (ValueError, OverflowError):
        return _left_out(value, path, odd, "no amount of memory")
    return value


def moment(value: Any, path: str, odd: Odd) -> Any:  # noqa: ANN401 - a shape
    """Take a time as RFC 3339 has it, with its zone."""
    try:
        aware = datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        aware = False
    return value if aware else _left_out(value, path, odd, "no time")


def record(**shapes: Shape) -> Shape:
    """Take an object with these fields, and nothing else of it."""

    def take(value: Mapping[str, Any], path: str, odd: Odd) -> dict[str, Any]:
        given = {key: value[key] for key in shapes if value.get(key) is not None}
        return {
            key: shapes[key](each, f"{path}.{key}".lstrip("."), odd) for key, each in given.items()
        }

    return _object(take)


def mapping(of: Shape) -> Shape:
    """Take an object with any names in it."""

    def take(value: Mapping[str, Any], path: str, odd: Odd) -> dict[str, Any]:
        return {
            key: of(each, f"{path}[{readable(key, _SHOWN)}]", odd) for key, each in value.items()
        }

    return _object(take)


def _object(take: Callable[[Mapping[str, Any], str, Odd], dict[str, Any]]) -> Shape:
    def shape(value: Any, path: str, odd: Odd) -> Any:  # noqa: ANN401 - a shape
        if not isinstance(value, Mapping):
            return _left_out(value, path, odd, "no object")
        found = take(value, path, odd)
        return {key: each for key, each in found.items() if each is not ABSENT}

    return shape


def several(of: Shape) -> Shape:
    """Take a list."""

    def shape(value: Any, path: str, odd: Odd) -> Any:  # noqa: ANN401 - a shape
        if not isinstance(value, list):
            return _left_out(value, path, odd, "no list")
        found = (of(each, f"{path}[{index}]", odd) for index, each in enumerate(value))
        return [each for each in found if each is not ABSENT]

    return shape


def needs(shape: Shape, *keys: str) -> Shape:
    """Take an object only if it has these fields."""

    def needing(value: Any, path: str, odd: Odd) -> Any:  # noqa: ANN401 - a shape
        found = shape(value, path, odd)
        missing = [key for key in keys if found is not ABSENT and not found.get(key)]
        if missing:
            odd.append(f"{path or 'it'} has no {' and no '.join(missing)}")
        return ABSENT if missing else found

    return needing


def _left_out(value: object, path: str, odd: Odd, why: str) -> object:
    shown = readable(repr(value) if isinstance(value, str | int | float) else type(value), _SHOWN)
    odd.append(f"{path or 'it'} is {why}: {shown}")
    return ABSENT
