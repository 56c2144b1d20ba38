"""JSON values of the API's types, good and bad, and what the pydantic models make of them."""

import json
import re
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from hypothesis import strategies as st
from msgspec import NODEFAULT, Meta
from msgspec.structs import fields
from oomwarden.api.codec.values import Value
from oomwarden.api.models.validated import json_path, model_of
from oomwarden.api.oomkill import OOMKill, OOMKillStatus
from oomwarden.api.oomlimit import OOMLimitSpec
from oomwarden.api.oomnode import OOMNodeStatus
from oomwarden.api.policy import ClusterOOMPolicySpec, OOMPolicySpec, PolicyStatus
from pydantic import BaseModel, ValidationError

ROOTS: tuple[type[Value], ...] = (
    OOMPolicySpec, ClusterOOMPolicySpec, PolicyStatus, OOMKill, OOMKillStatus, OOMLimitSpec,
    OOMNodeStatus,
)  # fmt: skip
_CHARACTERS = st.characters(exclude_categories=["Cs"])
_TEXT = st.text(_CHARACTERS, max_size=8)
_ODD: st.SearchStrategy[Any] = st.sampled_from([
    None, True, False, 0, 1, -1, 5, -998, 2**31, 2**63, 2**70, 5.0, 1.5, 1.5e9, 1e300, "", "x", "5",
    "true", "null", "512Mi", "512Mi\n", "0.53", "0.53\n", "Enforce", "enforce", "1e400", "x" * 65,
    "x" * 300, "x" * 1500, "x" * 40_000, "\x1b[31m\u202e", [], {}, [None], [{}], ["x"] * 70,
    {"a": "b"}, {"a": 1}, {"a": "x" * 64}, {str(n): "" for n in range(65)},
])  # fmt: skip
_WORDS = (
    (r"Tuple (should have at \w+ \d+ items?) after validation, not .*", r"List \1"),
    (r"Dictionary (should have at \w+ \d+ items?) after validation, not .*", r"Object \1"),
)


def good(kind: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - any type
    """Values that fit a type."""
    if isinstance(kind, type) and issubclass(kind, Value):
        parts = {each.encode_name: (good(each.type), each) for each in fields(kind)}
        return st.fixed_dictionaries(
            {name: one for name, (one, each) in parts.items() if _is_required(each)},
            optional={name: one for name, (one, each) in parts.items() if not _is_required(each)},
        )
    if metas := [each for each in getattr(kind, "__metadata__", ()) if isinstance(each, Meta)]:
        return _checked(get_args(kind)[0], metas[0])
    if get_origin(kind) is None:
        return _plain(kind)
    if get_origin(kind) in {tuple, dict}:
        return _checked(kind, Meta())
    return st.one_of([good(each) for each in get_args(kind)])


def _is_required(field: Any) -> bool:  # noqa: ANN401 - a FieldInfo
    return field.default is NODEFAULT and field.default_factory is NODEFAULT


def _plain(kind: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - any type
    if kind is type(None):
        return st.none()
    if kind is float:
        return st.integers(0, 10**12).map(float)
    return {int: st.integers(-5, 10**12), str: _TEXT, bool: st.booleans()}.get(
        kind, st.sampled_from([str(each) for each in kind] if kind not in {int, str, bool} else [0])
    )


def _checked(kind: Any, meta: Meta) -> st.SearchStrategy[Any]:  # noqa: ANN401 - any type
    least, most = meta.min_length or 0, meta.max_length or 1_000
    if get_origin(kind) is tuple:
        size = min(most, max(least, 2))
        return st.lists(good(get_args(kind)[0]), min_size=least, max_size=size)
    if get_origin(kind) is dict:
        return st.dictionaries(_TEXT, good(get_args(kind)[1]), max_size=2)
    if kind is int:
        most_int = 10**12 if meta.le is None else int(meta.le)
        return st.integers(-(10**12) if meta.ge is None else int(meta.ge), most_int)
    if meta.pattern:
        found: st.SearchStrategy[Any] = st.from_regex(re.compile(meta.pattern))
        return found.filter(lambda text: len(text) <= most)
    edge = st.sampled_from([most, least, max(most - 1, least)]).map(lambda size: "\u00e9" * size)
    return st.one_of(st.text(_CHARACTERS, min_size=least, max_size=min(most, 8)), edge)


@st.composite
def perhaps_bad(draw: st.DrawFn, kind: type[Value]) -> Any:  # noqa: ANN401 - JSON
    """A value that fits, with a change at one place or none."""
    value = draw(good(kind))
    places = list(_places(value))
    if not places or draw(st.integers(0, 9)) == 0:
        return value
    holder, key = draw(st.sampled_from(places))
    match draw(st.sampled_from(["replace", "remove", "add"])):
        case "replace":
            holder[key] = draw(_ODD)
        case "remove":
            del holder[key]
        case _ if isinstance(holder, dict):
            holder[draw(_TEXT)] = draw(_ODD)
        case _:
            holder.append(draw(_ODD))
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - JSON
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in items:
        yield value, key
        if isinstance(each, dict | list):
            yield from _places(each)


def models_verdict(kind: type[Value], value: object) -> tuple[str, set[tuple[str, str]]]:
    """Return the JSON that the model writes, or '' and its errors: path and words.

    Strict JSON, by the names of JSON: what the API server checks, too.
    """
    model: type[BaseModel] = model_of(kind)
    try:
        found = model.model_validate_json(
            json.dumps(value), strict=True, by_alias=True, by_name=False
        )
    except ValidationError as error:
        return "", {(json_path(each["loc"]), _words(each["msg"])) for each in error.errors()}
    return json.dumps(found.model_dump(mode="json", by_alias=True, exclude_none=True)), set()


def _words(text: str) -> str:
    for pattern, words in _WORDS:
        text = re.sub(pattern, words, text)
    return text
