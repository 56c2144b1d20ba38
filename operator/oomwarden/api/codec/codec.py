"""Decodes JSON values to generated types, and encodes them."""

from typing import Any, TypeVar

from msgspec import UNSET, ValidationError, convert, to_builtins

from oomwarden.api.codec.refusals import InvalidObjectError, refusal
from oomwarden.api.codec.values import Value

T = TypeVar("T", bound=Value)


def decode(kind: type[T], value: object) -> T:
    """Convert a JSON value to a generated type.

    Unknown fields are ignored. Numbers and booleans are not parsed from text, because the API
    server has checked their types.

    Raises:
        InvalidObjectError: The value does not fit; names the field and explains why.
    """
    try:
        return convert(value, kind)
    except ValidationError as error:
        raise refusal(str(error), value, kind) from None
    except UnicodeError:
        raise InvalidObjectError("", "Input should be valid Unicode", UNSET) from None


def encode(value: Value) -> dict[str, Any]:
    """Return the JSON object of a value. Fields without a value are left out."""
    found: dict[str, Any] = to_builtins(value)
    _tidy(found)
    return found


def _tidy(found: dict[str, Any]) -> None:
    """Drop what is None, and replace tuples by lists, as JSON has them."""
    for key, each in [*found.items()]:
        if each is None:
            del found[key]
        elif each.__class__ is dict:
            _tidy(each)
        elif each.__class__ is tuple:
            found[key] = [*each]
            for item in each:
                if item.__class__ is dict:
                    _tidy(item)
