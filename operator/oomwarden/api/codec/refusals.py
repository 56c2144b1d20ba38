"""Why a JSON value is refused, in the words of the pydantic models.

msgspec names the field only in its text: "Expected `int` >= -997 - at `$.rules[0].oomScoreAdj`"
(msgspec 0.22, src/msgspec/_core.c, ms_raise_validation_error).
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, get_args

from msgspec import UNSET, ValidationError, convert
from msgspec.structs import fields

from oomwarden.api.codec.values import Value

_PLACE = re.compile(r"(?P<why>.*?)(?: - at (?:`key` in )?`\$(?P<path>[^`]*)`)?", re.DOTALL)
_STEP = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+)\]|(?P<any>\[\.\.\.\])")
_NAMES = {
    "int": "a valid integer",
    "str": "a valid string",
    "bool": "a valid boolean",
    "array": "a valid array",
    "object": "an object",
}
_SIZED = {"str": ("String", "character"), "array": ("List", "item"), "object": ("Object", "item")}
_BOUNDS = {"<=": "at most", ">=": "at least"}


class InvalidObjectError(ValueError):
    """A JSON value does not fit its type.

    Attributes:
        path: The field below the value, such as `.rules[0].oomScoreAdj`; empty for the value.
        why: Why it is refused; may contain text of tenants.
        found: The refused value; UNSET if it is missing or not known.
    """

    def __init__(self, path: str, why: str, found: object) -> None:
        super().__init__(f"{path.removeprefix('.')}: {why}" if path else why)
        self.path, self.why, self.found = path, why, found


def refusal(text: str, value: object, kind: type[Value]) -> InvalidObjectError:
    """Return the error for a text of msgspec, which refused to convert `value` to `kind`."""
    match = _PLACE.fullmatch(text)
    why, path = (match["why"], match["path"] or "") if match else (text, "")
    if missing := re.fullmatch(r"Object missing required field `(\w+)`", why):
        return InvalidObjectError(f"{path}.{missing[1]}", "Field required", UNSET)
    if own := re.fullmatch(r"(\.\w+): (.*)", why):  # of `amounts_as_text`
        path, why = path + own[1], own[2]
    path, found, expected = _follow(path, value, kind)
    return InvalidObjectError(path, _words(why, expected), found)


def _follow(path: str, value: Any, kind: object) -> tuple[str, object, object]:  # noqa: ANN401
    """Follow a path. Return it with the keys of maps, and the value and the type there."""
    walked = ""
    for step in _STEP.finditer(path):
        try:
            if step["any"]:
                kind = get_args(_bare(kind))[1]
                key = _first_refused(value, kind)
                value, walked = value[key], f"{walked}.{key}"
            elif step["index"]:
                value, kind = value[int(step["index"])], get_args(_bare(kind))[0]
                walked += step[0]
            else:
                walked += step[0]
                kind = _field_type(_bare(kind), step["name"])
                value = value[step["name"]]
        except (LookupError, TypeError):
            return walked, UNSET, kind
    return walked, value, _bare(kind)


def _field_type(kind: Any, name: str) -> object:  # noqa: ANN401 - any type
    return next(each.type for each in fields(kind) if each.encode_name == name)


def _first_refused(items: Mapping[Any, object], kind: Any) -> object:  # noqa: ANN401 - any type
    for key, each in items.items():
        try:
            convert(each, kind)
        except ValidationError:
            return key
    raise LookupError


def _bare(kind: object) -> object:
    """Return X of `Annotated[X, ...]` and of `X | None`."""
    if hasattr(kind, "__metadata__"):
        return _bare(get_args(kind)[0])
    others = [each for each in get_args(kind) if each is not type(None)]
    return _bare(others[0]) if type(None) in get_args(kind) and others else kind


def _words(why: str, expected: object) -> str:
    if why.startswith("Invalid enum value") and isinstance(expected, type):
        return _one_of(expected)
    if found := re.fullmatch(r"Expected `int\b[^`]*` ([<>]=) (-?\d+)", why):
        side = "less" if found[1] == "<=" else "greater"
        return f"Input should be {side} than or equal to {found[2]}"
    if found := re.fullmatch(r"Expected `(\w+)\b[^`]*` of length ([<>]=) (\d+)", why):
        what, unit = _SIZED.get(found[1], ("Input", "item"))
        plural = "" if found[3] == "1" else "s"
        return f"{what} should have {_BOUNDS[found[2]]} {found[3]} {unit}{plural}"
    if found := re.fullmatch(r"Expected `str\b[^`]*` matching regex '(.*)'", why):
        return f"String should match pattern '{_pattern(found[1])}'"
    if found := re.match(r"Expected `([^`]*)`", why):
        return f"Input should be {_name(found[1], expected)}"
    return why


def _one_of(expected: type) -> str:
    if not issubclass(expected, StrEnum):
        return "Input should be one of the known words"
    words = [f"'{each.value}'" for each in expected]
    return "Input should be " + " or ".join([", ".join(words[:-1]), words[-1]])


def _name(expected: str, kind: object) -> str:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _one_of(kind).removeprefix("Input should be ")
    if "float" in expected:  # an amount, see WrittenAmount
        return _NAMES["str"]
    return _NAMES.get(expected.partition(" ")[0], expected)


def _pattern(shown: str) -> str:
    return shown.replace("\\\\", "\\").removesuffix("\\Z") + "$"
