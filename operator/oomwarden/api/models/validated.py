"""Validates objects by the pydantic models, too, where time and memory allow: operator and CLI."""

from importlib import import_module
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from oomwarden.api.codec.codec import decode
from oomwarden.api.codec.refusals import InvalidObjectError
from oomwarden.api.codec.values import Value

T = TypeVar("T", bound=Value)
_TYPES, _MODELS = "oomwarden.api.", "oomwarden.api.models."


def validated(kind: type[T], value: object) -> T:
    """Convert a JSON value to a generated type that its model accepts as well.

    Raises:
        InvalidObjectError: The value does not fit; names the field and explains why.
    """
    found = decode(kind, value)
    try:
        model_of(kind).model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidObjectError(json_path(first["loc"]), first["msg"], first["input"]) from None
    return found


def model_of(kind: type[Value]) -> type[BaseModel]:
    """Return the model from which a type is generated."""
    module = import_module(kind.__module__.replace(_TYPES, _MODELS, 1))
    found: type[BaseModel] = getattr(module, kind.__name__)
    return found


def json_path(location: tuple[int | str, ...]) -> str:
    """Return the path of a field that pydantic names: `.rules[0].oomScoreAdj`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
