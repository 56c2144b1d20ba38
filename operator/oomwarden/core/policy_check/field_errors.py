"""Errors of fields as the API server words them.

Source: kubernetes apimachinery pkg/util/validation/field/errors.go (v1.37).
"""

import json
from typing import Any

from msgspec import Struct

NO_PATH = "<nil>"
"""How the API server names the field of an error that belongs to none."""
_NOT_CHECKED = (
    "some validation rules were not checked because the object was invalid; correct the existing "
    "errors to complete validation"
)
_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t",
            "\v": "\\v", '"': '\\"', "\\": "\\\\"}  # fmt: skip
_ASCII, _BASIC_PLANE = 0x80, 0x10000


class FieldError(Struct, frozen=True):
    """What is wrong with a field.

    Attributes:
        path: The field, such as spec.rules[0].oomScoreAdj.
        message: What is wrong.
        blocks_rules: The API server does not evaluate CEL rules after such an error.
    """

    path: str
    message: str
    blocks_rules: bool = False

    @property
    def sentence(self) -> str:
        """The sentence of the API server."""
        return f"{self.path}: {self.message}"


RULES_NOT_CHECKED = FieldError(NO_PATH, f"Invalid value: null: {_NOT_CHECKED}")


def invalid(path: str, value: object, detail: str) -> FieldError:
    """Report a value."""
    return FieldError(path, f"Invalid value: {go_value(value)}: {detail}")


def invalid_object(path: str, detail: str) -> FieldError:
    """Report an object or a list, which the API server does not repeat."""
    return FieldError(path, f"Invalid value: {detail}")


def wrong_type(path: str, expected: str, found: str) -> FieldError:
    """Report a value of another type."""
    detail = f"{path} in body must be of type {expected}: {quoted(found)}"
    return FieldError(path, f"Invalid value: {quoted(found)}: {detail}", blocks_rules=True)


def required(path: str, detail: str = "") -> FieldError:
    """Report a missing field."""
    return FieldError(path, f"Required value{detail and f': {detail}'}", blocks_rules=True)


def not_supported(path: str, value: object, supported: list[str]) -> FieldError:
    """Report a word that is none of the possible ones."""
    words = ", ".join(map(quoted, supported))
    detail = f"Unsupported value: {go_value(value)}: supported values: {words}"
    return FieldError(path, detail, blocks_rules=True)


def too_long(path: str, most: int) -> FieldError:
    """Report a text that is too long."""
    return FieldError(path, f"Too long: may not be more than {most} bytes", blocks_rules=True)


def too_many(path: str, count: int, most: int) -> FieldError:
    """Report too many items or members."""
    detail = f"Too many: {count}: must have at most {most} items"
    return FieldError(path, detail, blocks_rules=True)


def duplicate(path: str, value: object) -> FieldError:
    """Report an item that a set has twice."""
    return FieldError(path, f"Duplicate value: {go_value(value)}")


def go_value(value: object) -> str:
    """Return a JSON value as the API server repeats it."""
    return quoted(value) if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return JSON as Go's encoding/json writes it: compact, sorted, safe in HTML."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    for each in "<>&":
        text = text.replace(each, f"\\u{ord(each):04x}")
    return text


def quoted(text: str) -> str:
    """Quote a text as Go's strconv.Quote does."""
    return '"' + "".join(_ESCAPES.get(each) or _escaped(each) for each in text) + '"'


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if code < _ASCII:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < _BASIC_PLANE else f"\\U{code:08x}"
