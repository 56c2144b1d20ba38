"""What plain text means in YAML, as kubectl and the API server read it.

They use YAML 1.1 in the dialect of go-yaml 2, in which `on` and `y` are true and `1:30` is text.
Source: sigs.k8s.io/yaml and go.yaml.in/yaml/v2, resolve.go.
"""

import re

_TRUE = {"y", "yes", "true", "on"}
_FALSE = {"n", "no", "false", "off"}
_NULL = {"", "~", "null", "Null", "NULL"}
_INFINITE = {".inf", "+.inf", "-.inf", ".nan"}
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_OLD_OCTAL = re.compile(r"([-+]?)0([0-7]+)")
_INT64 = range(-(2**63), 2**63)
_MAX_DIGITS = 400
"""Of a number: neither Go nor Python has larger ones."""

_TAG = "tag:yaml.org,2002:"


class ScalarError(ValueError):
    """The value does not exist in JSON."""


def plain_value(text: str) -> str | int | float | bool | None:
    """Return the value of text without quotes and without a tag."""
    if text in _NULL:
        return None
    if (word := _boolean(text)) is not None:
        return word
    if text.lower() in _INFINITE:
        raise ScalarError(f"{text} is not a number in JSON")
    number = _number(text.replace("_", "")) if text[0] in "+-.0123456789" else None
    return text if number is None else number


def tagged_value(text: str, tag: str) -> str | int | float | bool | None:
    """Return the value of text with a tag such as !!str; an unknown tag makes it text."""
    plain = {f"{_TAG}{each}" for each in ("int", "float", "bool", "null")}
    return plain_value(text) if tag in plain else text


def _boolean(text: str) -> bool | None:
    """Return true, True and TRUE as true, and so on; tRUE is text."""
    if text not in {text.lower(), text.upper(), text.capitalize()}:
        return None
    word = text.lower()
    return True if word in _TRUE else False if word in _FALSE else None


def _number(text: str) -> int | float | None:
    if len(text) > _MAX_DIGITS:
        return None
    if _INTEGER.fullmatch(text):
        octal = _OLD_OCTAL.fullmatch(text)
        return as_json(int(octal[1] + octal[2], 8) if octal else int(text, 0))
    if not _FLOAT.fullmatch(text):
        return None
    number = float(text)
    return None if number in {float("inf"), float("-inf")} else as_json(number)


def as_json(number: float) -> int | float:
    """Return a number as it is after Go's encoding to JSON: 2000.0 is 2000."""
    if number == int(number) and int(number) in _INT64:
        return int(number)
    return float(number)
