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
    found: dict[str, Any] = _present(to_builtins(value))
    return found


def _present(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return {key: _present(each) for key, each in value.items() if each is not None}
    if isinstance(value, tuple):
        return [_present(each) for each in value]
    return value
