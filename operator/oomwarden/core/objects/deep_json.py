"""JSON that is nested deeper than anything that is looked at.

The API server takes 10,000 levels (Go encoding/json, maxNestingDepth) and keeps them, in
metadata.managedFields from anyone who may patch a pod. Python's reader ends at its recursion limit.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

DEEPEST = 64
"""Levels that are kept; the deepest field that is looked at is a dozen levels down."""
_BRACKET = re.compile(r'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+([{}\[\]])', re.DOTALL)
"""The next one that stands in no text."""


def loads(text: str | bytes) -> Any:  # noqa: ANN401 - whatever it is
    """Read JSON; what lies deeper than DEEPEST is null, where Python cannot read it.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return json.loads(text)
    except RecursionError:
        told = text if isinstance(text, str) else text.decode()
        return json.loads(shallow(told))


def shallow(text: str) -> str:
    """Put null in the place of each object and list below the level DEEPEST."""
    return "".join(_kept(text))


def _kept(text: str) -> Iterator[str]:
    level, begin = 0, 0
    for found in _BRACKET.finditer(text):
        if found[1] in "{[":
            if level == DEEPEST:
                yield text[begin : found.start(1)] + "null"
            level += 1
        else:
            level -= 1
            if level == DEEPEST:
                begin = found.end()
    if level <= DEEPEST:
        yield text[begin:]


def end_of_value(text: str, at: int) -> int | None:
    """Give where the object or list ends that begins at a place; None: further on."""
    level = 0
    for found in _BRACKET.finditer(text, at):
        level += 1 if found[1] in "{[" else -1
        if not level:
            return found.end()
    return None
