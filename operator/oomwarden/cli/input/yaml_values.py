"""Builds the values of YAML from its events: without recursion, and within bounds.

What PyYAML builds itself is not what kubectl reads: it takes 1:30 for 90, dates for dates, the last
of two equal keys, and a few hundred bytes of aliases for gigabytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from oomwarden.cli.input.documents import DocumentError
from oomwarden.cli.input.yaml_scalars import ScalarError, plain_value, tagged_value

MAX_DEPTH = 200
MAX_VALUES = 5_000_000
"""With what aliases stand for; 10 MiB of YAML have about a million."""
_MERGE = object()
"""Stands for the key `<<` without quotes."""


@dataclass(slots=True)
class _Open:
    """An object or a list that has not ended."""

    value: Any
    line: int
    path: str
    lines: dict[object, int] = field(default_factory=dict)
    key: object = None
    has_key: bool = False
    anchor: str | None = None
    size: int = 1

    def place(self) -> str:
        """Return the path of the value that comes next."""
        if isinstance(self.value, list):
            return f"{self.path}[{len(self.value)}]"
        return f"{self.path}.{self.key}" if self.path else str(self.key)


@dataclass(slots=True)
class ValueBuilder:
    """Collects the value of one document.

    Attributes:
        line: The first line of the value.
        value: The value; None before there is one.
        duplicates: Paths of keys that an object has twice.
        lines: The lines of keys and items, by the id of their object or list.
    """

    first: int
    line: int | None = None
    value: Any = None
    duplicates: list[str] = field(default_factory=list)
    lines: dict[int, dict[object, int]] = field(default_factory=dict)
    _open: list[_Open] = field(default_factory=list)
    _anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)

    def add(self, event: Any) -> None:  # noqa: ANN401 - PyYAML's
        """Take the next event of the document.

        Raises:
            DocumentError: The value exceeds the bounds, or is not possible in JSON.
        """
        line = event.start_mark.line + self.first
        self.line = line if self.line is None else self.line
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "", line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(line)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event, line)

    def _scalar(self, event: Any, line: int) -> None:  # noqa: ANN401 - PyYAML's
        try:
            value = self._value(event)
        except ScalarError as error:
            raise DocumentError(str(error), line=line) from error
        self._put(value, line, 1, event.anchor)

    def _value(self, event: Any) -> Any:  # noqa: ANN401 - PyYAML's event, and any JSON value
        if event.tag:
            return tagged_value(event.value, event.tag)
        if not event.implicit[0]:  # in quotes
            return event.value
        return _MERGE if event.value == "<<" and self._awaits_key else plain_value(event.value)

    @property
    def _awaits_key(self) -> bool:
        parent = self._open[-1] if self._open else None
        return parent is not None and isinstance(parent.value, dict) and not parent.has_key

    def _begin(self, event: Any, line: int) -> None:  # noqa: ANN401 - PyYAML's
        if len(self._open) == MAX_DEPTH:
            raise DocumentError(f"it is nested deeper than {MAX_DEPTH} levels", line=line)
        parent = self._open[-1] if self._open else None
        if self._awaits_key:
            raise DocumentError("a key must be text, not an object or a list", line=line)
        is_list = isinstance(event, yaml.SequenceStartEvent)
        path = parent.place() if parent else ""
        self._open.append(_Open([] if is_list else {}, line, path, anchor=event.anchor))

    def _close(self, line: int) -> None:
        done = self._open.pop()
        if done.lines:
            self.lines[id(done.value)] = done.lines
        self._put(done.value, done.line if self._open else line, done.size, done.anchor)

    def _alias(self, anchor: str, line: int) -> None:
        if anchor not in self._anchors:
            what = "contains itself" if self._is_open(anchor) else "is not defined"
            raise DocumentError(f"the anchor {anchor!r} {what}", line=line)
        value, size = self._anchors[anchor]
        self._put(value, line, size, None)

    def _is_open(self, anchor: str) -> bool:
        return any(each.anchor == anchor for each in self._open)

    def _put(self, value: Any, line: int, size: int, anchor: str | None) -> None:  # noqa: ANN401
        if anchor:
            self._anchors[anchor] = (value, size)
        if not self._open:
            self.value = value
            return
        parent = self._open[-1]
        parent.size += size
        if parent.size > MAX_VALUES:
            raise DocumentError(f"its aliases stand for more than {MAX_VALUES} values", line=line)
        if isinstance(parent.value, list):
            parent.lines[len(parent.value)] = line
            parent.value.append(value)
        elif parent.has_key:
            self._member(parent, value, line)
        else:
            parent.key = value if value is _MERGE else _key(value, line)
            parent.has_key = True
            parent.lines.setdefault(parent.key, line)

    def _member(self, parent: _Open, value: Any, line: int) -> None:  # noqa: ANN401
        parent.has_key = False
        if parent.key is _MERGE:
            for each in _merged(value, line):
                parent.value.update(each)
            return
        if parent.key in parent.value:
            self.duplicates.append(parent.place())
        parent.value[parent.key] = value


def _key(value: object, line: int) -> str:
    """Return a key as it is in JSON."""
    if value is None or isinstance(value, dict | list):
        raise DocumentError("a key must be text, not null, an object or a list", line=line)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _merged(value: object, line: int) -> Iterator[dict[str, Any]]:
    """Yield the objects that a merge key (<<) names, the one that wins last.

    go-yaml 2 lets a merge key win over the keys before it (decode.go, mapping and merge).
    """
    for each in reversed(value) if isinstance(value, list) else [value]:
        if not isinstance(each, dict):
            raise DocumentError("a merge key (<<) must name objects", line=line)
        yield each
