"""The one value of a text in JSON, with the fields that it has twice."""

import json
from math import isfinite
from typing import Any, NoReturn

from oomwarden.cli.input.documents import Document, DocumentError
from oomwarden.cli.input.yaml_scalars import as_json
from oomwarden.core.objects.deep_json import loads


class _Members(dict[str, Any]):
    """An object, with the keys that its text has twice."""

    twice: tuple[str, ...] = ()


def json_document(text: str, *, strict: bool = True) -> Document:
    """Parse a text.

    Args:
        text: One value in JSON.
        strict: Whether to look for fields that occur twice; not for lists of pods, which are large.

    Raises:
        DocumentError: It is not JSON.
    """
    try:
        value = _strictly(text) if strict else loads(text)
    except json.JSONDecodeError as error:
        raise DocumentError(f"it is not JSON: {error.msg}", line=error.lineno) from error
    except RecursionError as error:
        raise DocumentError("it is nested too deeply") from error
    except ValueError as error:
        raise DocumentError(f"it is not JSON: {error}") from error
    return Document(value, duplicates=tuple(_duplicates(value, "")))


def _strictly(text: str) -> Any:  # noqa: ANN401 - any JSON value
    return json.loads(
        text,
        object_pairs_hook=_members,
        parse_int=lambda digits: as_json(int(digits)),
        parse_float=_float,
        parse_constant=_no_constant,
    )


def _float(digits: str) -> float:
    number = float(digits)
    return as_json(number) if isfinite(number) else _no_constant(digits)


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number in JSON")


def _members(pairs: list[tuple[str, Any]]) -> _Members:
    found = _Members(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        found.twice = tuple(dict.fromkeys(key for key in keys if keys.count(key) > 1))
    return found


def _duplicates(value: object, path: str) -> list[str]:
    if isinstance(value, list):
        below = (_duplicates(each, f"{path}[{at}]") for at, each in enumerate(value))
        return [each for found in below for each in found]
    if not isinstance(value, _Members):
        return []
    place = f"{path}." if path else ""
    inner = (_duplicates(each, f"{place}{key}") for key, each in value.items())
    return [f"{place}{key}" for key in value.twice] + [each for found in inner for each in found]
