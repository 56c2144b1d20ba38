"""The documents of a text in YAML, one by one: an error in one does not hide the others."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import yaml

from oomwarden.cli.input.documents import Document, DocumentError
from oomwarden.cli.input.yaml_values import ValueBuilder

_SEPARATOR = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAB = "found character that cannot start any token"


def yaml_documents(text: str) -> Iterator[Document | DocumentError]:
    """Yield the documents that are not empty, or why one cannot be parsed."""
    number = 0
    for part, line in _parts(text):
        try:
            for found in _parsed(part, line):
                number += 1
                yield Document(
                    found.value, number, found.line, tuple(found.duplicates), found.lines
                )
        except DocumentError as error:
            number += 1
            yield DocumentError(str(error), number, error.line)


def _parts(text: str) -> Iterator[tuple[str, int]]:
    """Split a text where a document begins; yield each part and its first line."""
    starts = [0, *(each.start() for each in _SEPARATOR.finditer(text)), len(text)]
    line = 1
    for start, end in pairwise(starts):
        part = text[start:end]
        if part.strip():
            yield part, line
        line += part.count("\n")


def _parsed(part: str, line: int) -> Iterator[ValueBuilder]:
    builder = ValueBuilder(line)
    try:
        for event in yaml.parse(part, Loader=_LOADER):
            if isinstance(event, yaml.DocumentStartEvent):
                builder = ValueBuilder(line)
            elif isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
                builder.add(event)
            elif isinstance(event, yaml.DocumentEndEvent) and builder.value is not None:
                yield builder
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise DocumentError(_why(error, part), line=mark.line + line if mark else None) from error
    except yaml.YAMLError as error:
        raise DocumentError(_unreadable(error)) from error


def _why(error: yaml.MarkedYAMLError, part: str) -> str:
    problem = str(error.problem or error.context or "it is not YAML")
    mark = error.problem_mark
    lines = part.splitlines()
    at = lines[mark.line] if mark and mark.line < len(lines) else ""
    return f"{problem}: indent with spaces, not with a tab" if at[:1] == "\t" or (
        problem == _TAB and "\t" in at
    ) else problem  # fmt: skip


def _unreadable(error: yaml.YAMLError) -> str:
    found = getattr(error, "character", None)
    if isinstance(found, int):
        return f"it contains the character U+{found:04X}, which is not allowed"
    return "it contains characters that are not allowed"
