"""The fields of a value of our own, whichever library has made its type."""

from dataclasses import fields, is_dataclass

from msgspec import Struct


def members(value: object) -> dict[str, object] | None:
    """Return the fields of a Struct or a dataclass by name; None for any other value."""
    if isinstance(value, Struct):
        return {name: getattr(value, name) for name in value.__struct_fields__}
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    return None
