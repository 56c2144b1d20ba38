"""Reads JSON that is nested deeper than anything oomwarden reads.

The API server accepts 10,000 levels (Go encoding/json, maxNestingDepth) and stores them, in
metadata.managedFields from anyone who may patch a pod. Python's parser fails at its recursion
limit.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

_DECODER = msgspec.json.Decoder()
MAX_DEPTH = 64
"""Levels that are kept. The deepest field that is read is a dozen levels down."""
_BRACKET = re.compile(r'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+([{}\[\]])', re.DOTALL)
"""The next bracket outside a string."""


def loads(text: str | bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Parse JSON. If it is nested too deeply for Python, values deeper than MAX_DEPTH become null.

    Raises:
        ValueError: The text is not JSON.
    """
    try:
        return _DECODER.decode(text)  # in half the time
    except (RecursionError, ValueError):
        pass  # Python's parser accepts a little more: lone surrogates, NaN
    try:
        return json.loads(text)
    except RecursionError:
        whole = text if isinstance(text, str) else text.decode()
        return json.loads(cut_depth(whole))


def cut_depth(text: str) -> str:
    """Replace each object and list below the level MAX_DEPTH by null."""
    return "".join(_shallow_parts(text))


def _shallow_parts(text: str) -> Iterator[str]:
    level, begin = 0, 0
    for found in _BRACKET.finditer(text):
        if found[1] in "{[":
            if level == MAX_DEPTH:
                yield text[begin : found.start(1)] + "null"
            level += 1
        else:
            level -= 1
            if level == MAX_DEPTH:
                begin = found.end()
    if level <= MAX_DEPTH:
        yield text[begin:]


def end_of_value(text: str, at: int) -> int | None:
    """Return where the object or list at a position ends; None if the text ends first."""
    level = 0
    for found in _BRACKET.finditer(text, at):
        level += 1 if found[1] in "{[" else -1
        if not level:
            return found.end()
    return None
