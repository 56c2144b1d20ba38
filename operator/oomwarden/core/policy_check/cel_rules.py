"""The CEL rules of the policies' schemas in Python, each under its expression.

A rule of a schema that is not here fails a test, so that no rule of the API server is forgotten.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from oomwarden.api.schema.structural_schema import Schema
from oomwarden.api.vocabulary import (
    LIMIT_MIN,
    LONG_EXPONENT,
    MAX_COMMANDS_LENGTH,
    MAX_CONTAINERS,
    MAX_PROCESSES,
    MAX_VALUES,
    OFFSET_MAX,
    OFFSET_MIN,
    PRIORITY_MAX,
    PRIORITY_MIN,
    RESERVED,
    SCORE_MAX,
    SCORE_MIN,
)
from oomwarden.core.model.quantity import QuantityError, parse_nanos
from oomwarden.core.objects.object_names import is_object_name
from oomwarden.core.policy_check.field_errors import FieldError, invalid, invalid_object

_Rule = Callable[[Any], bool]
_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_MAX_NAME = 63
_GLOB = re.compile(r"[-a-z0-9*?!\[\]]+")
_PERCENTAGE = re.compile(r"[1-9][0-9]{0,2}%")
_DURATION = re.compile(r"(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")
_MAX_SECONDS = (1 << 63) // 10**9
"""Go counts a duration in nanoseconds, in 64 bits."""
_SCALARS = {"integer", "string", "boolean", None}


class RuleError(Exception):
    """A rule could not be evaluated, in the words of the CEL library."""


def is_label_key(text: str) -> bool:
    """Return whether a text is a qualified name: an optional DNS prefix, and a name."""
    prefix, slash, name = text.rpartition("/")
    has_prefix = is_object_name(prefix) if slash else True
    return has_prefix and len(name) <= _MAX_NAME and bool(_NAME.fullmatch(name))


def is_label_value(text: str) -> bool:
    """Return whether a text is the value of a label; it may be empty."""
    return not text or (len(text) <= _MAX_NAME and bool(_NAME.fullmatch(text)))


def _is_amount(value: object) -> bool:
    text = str(value)
    if re.search(LONG_EXPONENT, text):
        return False
    try:
        return parse_nanos(text) >= parse_nanos(LIMIT_MIN)
    except QuantityError:
        return False


def _is_cooldown(text: str) -> bool:
    found = _DURATION.fullmatch(text)
    if not found or not text:
        return False
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if total > _MAX_SECONDS:
        raise RuleError("type conversion error from 'string' to 'google.protobuf.Duration'")
    return total >= 60  # noqa: PLR2004 - seconds of a minute


def _length(self: list[Any], key: str) -> int:
    return sum(len(each.get(key, ())) for each in self)


def _commands_length(rules: list[Any]) -> int:
    processes = (process for each in rules for process in each.get("processes", ()))
    return sum(len(each["command"]) for each in processes)


_LENGTHS = "each.processes.map(process, size(process.command)).sum()"
_CONTENTS = ("oomScoreAdj", "oomScoreOffset", "processes", "memory", "onOOM")
_NEEDS_VALUES = "!(self.operator in ['In', 'NotIn']) || (has(self.values) && size(self.values) > 0)"
_NEEDS_NO_VALUES = (
    "!(self.operator in ['Exists', 'DoesNotExist']) || !has(self.values) || size(self.values) == 0"
)
_BOUNDED_VALUES = f"self.map(each, has(each.values) ? size(each.values) : 0).sum() <= {MAX_VALUES}"
_BOUNDED_PROCESSES = (
    f"self.map(each, has(each.processes) ? size(each.processes) : 0).sum() <= {MAX_PROCESSES}"
)
_AMOUNT = (
    f"!string(self).matches('{LONG_EXPONENT}') && isQuantity(string(self)) "
    f"&& quantity(string(self)).compareTo(quantity('{LIMIT_MIN}')) >= 0"
)
_COOLDOWN = (
    "self.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$') && self != '' "
    "&& duration(self) >= duration('1m')"
)

RULES: dict[str, _Rule] = {
    f"self >= {PRIORITY_MIN} && self <= {PRIORITY_MAX}": (
        lambda self: PRIORITY_MIN <= self <= PRIORITY_MAX
    ),
    f"self >= {SCORE_MIN} && self <= {SCORE_MAX}": lambda self: SCORE_MIN <= self <= SCORE_MAX,
    f"self >= {OFFSET_MIN} && self <= {OFFSET_MAX}": lambda self: OFFSET_MIN <= self <= OFFSET_MAX,
    "self.all(key, !format.qualifiedName().validate(key).hasValue())": (
        lambda self: all(map(is_label_key, self))
    ),
    "self.all(key, !format.labelValue().validate(self[key]).hasValue())": (
        lambda self: all(map(is_label_value, self.values()))
    ),
    _BOUNDED_VALUES: lambda self: _length(self, "values") <= MAX_VALUES,
    _NEEDS_VALUES: (
        lambda self: self["operator"] not in {"In", "NotIn"} or bool(self.get("values"))
    ),
    _NEEDS_NO_VALUES: (
        lambda self: self["operator"] not in {"Exists", "DoesNotExist"} or not self.get("values")
    ),
    "!format.qualifiedName().validate(self).hasValue()": is_label_key,
    "self.all(value, !format.labelValue().validate(value).hasValue())": (
        lambda self: all(map(is_label_value, self))
    ),
    "!format.dns1123Subdomain().validate(self).hasValue()": is_object_name,
    f"self.map(each, size(each.containers)).sum() <= {MAX_CONTAINERS}": (
        lambda self: _length(self, "containers") <= MAX_CONTAINERS
    ),
    _BOUNDED_PROCESSES: lambda self: _length(self, "processes") <= MAX_PROCESSES,
    f"self.map(each, has(each.processes) ? {_LENGTHS} : 0).sum() <= {MAX_COMMANDS_LENGTH}": (
        lambda self: _commands_length(self) <= MAX_COMMANDS_LENGTH
    ),
    "!(has(self.oomScoreAdj) && has(self.oomScoreOffset))": (
        lambda self: not {"oomScoreAdj", "oomScoreOffset"} <= self.keys()
    ),
    " || ".join(f"has(self.{each})" for each in _CONTENTS): (
        lambda self: any(each in self for each in _CONTENTS)
    ),
    "self.matches('^[-a-z0-9*?!\\\\[\\\\]]+$')": lambda self: bool(_GLOB.fullmatch(self)),
    "has(self.limit) || has(self.groupKill)": lambda self: "limit" in self or "groupKill" in self,
    _AMOUNT: _is_amount,
    "self.matches('^[1-9][0-9]{0,2}%$')": lambda self: bool(_PERCENTAGE.fullmatch(self)),
    _COOLDOWN: _is_cooldown,
}
"""By expression: whether a value obeys the rule."""


def rule_errors(value: object, schema: Schema, path: str) -> Iterator[FieldError]:
    """Yield the violated rules of a value whose schema is satisfied, from the outside in."""
    for rule in schema.get("x-kubernetes-validations", ()):
        yield from _error(value, schema, path, rule)
    if isinstance(value, Mapping):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        for key, each in value.items():
            inner = properties.get(key) or others or {}
            yield from rule_errors(each, inner, f"{path}.{key}" if path else key)
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from rule_errors(each, schema.get("items", {}), f"{path}[{index}]")


def _error(value: object, schema: Schema, path: str, rule: Schema) -> Iterator[FieldError]:
    place = f"{path}{rule.get('fieldPath', '')}"
    try:
        if RULES[rule["rule"]](value):
            return
    except RuleError as error:
        detail = f"{error} evaluating rule: {rule.get('message') or rule['rule']}"
        yield invalid(path, schema.get("type", ""), detail)
        return
    message = rule.get("message") or _score_message(value)
    if schema.get("type") in _SCALARS:
        yield invalid(place, value, message)
    else:
        yield invalid_object(place, message)


def _score_message(value: object) -> str:
    """Return what the messageExpression of a score returns."""
    why = RESERVED.get(value) if isinstance(value, int) else None
    return f"oomScoreAdj must be {SCORE_MIN}..{SCORE_MAX}{(why and f'; {why}') or ''}"
