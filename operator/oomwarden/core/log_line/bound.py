"""A log line is cut where its longest values are, and names what it has cut."""

import json
from collections.abc import Callable
from typing import Any

MAX_LINE = 16 * 1024 - 1
"""Bytes of a line without its end. containerd splits longer lines than 16 KiB into partial ones
(max_container_log_line_size, internal/cri/config, v2.1), Docker those that fill a buffer of 16 KiB
together with their end (daemon/logger/copier.go)."""
_PARTS = (
    ("memory", "history"),
    ("memory", "samples"),
    ("memory", "detail"),
    ("podMemory",),
    ("victims",),
    (),
)
"""What is left out of an OOMKill, first what matters least; at last the OOMKill itself."""
_GAP = "[...]"
_SMALLEST = len(_GAP) + 1

LineFields = dict[str, Any]


def fitted(fields: LineFields, write: Callable[[LineFields], str]) -> str:
    """Return the written line, cut if it is too long.

    Args:
        fields: The keys and their values. Besides `oomkill`, values are text, numbers or booleans.
        write: Returns the line of some fields; it is called again after each cut.
    """
    fields = {key: _shorter(value, MAX_LINE) for key, value in fields.items()}
    line = write(fields)
    for part in _PARTS:
        if len(line.encode()) <= MAX_LINE or "oomkill" not in fields:
            break
        fields = _without(fields, part)
        line = write(fields)
    while len(line.encode()) > MAX_LINE:
        fields = _cut_longest(fields, len(line.encode()) - MAX_LINE)
        line = write(fields)
    return line


def _without(fields: LineFields, part: tuple[str, ...]) -> LineFields:
    cut = _noted(fields, ".".join(("oomkill", *part)))
    if not part:
        del cut["oomkill"]
        return cut
    kill = dict(fields["oomkill"])
    if len(part) == 1:
        found = kill.pop(part[0], None)
    else:
        inner = dict(kill.get(part[0]) or {})
        found = inner.pop(part[1], None)
        kill[part[0]] = inner
    return fields if found is None else {**cut, "oomkill": kill}


def _cut_longest(fields: LineFields, excess: int) -> LineFields:
    """Cut the value that takes most space, and go on where that is not enough."""
    sizes = {
        key: len(json.dumps(value))
        for key, value in fields.items()
        if isinstance(value, str) and len(value) > _SMALLEST and key not in {"time", "level"}
    }
    longest = max(sizes, key=sizes.__getitem__)
    text = fields[longest]
    kept = len(text) * max(sizes[longest] - excess - len(_GAP), 0) // sizes[longest]
    shorter = _shorter(text, max(min(kept, len(text) * 9 // 10), _SMALLEST))
    return _noted({**fields, longest: shorter}, longest)


def _shorter(value: Any, most: int) -> Any:  # noqa: ANN401 - any JSON value
    """Cut text in the middle: a traceback ends with what is most interesting."""
    if not isinstance(value, str) or len(value) <= most:
        return value
    head = (most - len(_GAP)) // 2
    tail = most - len(_GAP) - head
    return f"{value[:head]}{_GAP}{value[len(value) - tail :]}"


def _noted(fields: LineFields, what: str) -> LineFields:
    names = [name for name in fields.get("truncated", []) if name != what]
    oomkill = fields.get("oomkill")
    rest = {key: value for key, value in fields.items() if key not in {"truncated", "oomkill"}}
    last = {} if oomkill is None else {"oomkill": oomkill}
    return {**rest, "truncated": [*names, what], **last}
