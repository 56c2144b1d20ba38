"""From the values of a log line to its text: JSON for programs, words for people."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from oomwarden.api.free_text import readable
from oomwarden.core.log_line.bound import LineFields, fitted
from oomwarden.core.log_line.keys import ALWAYS, MEANINGS

_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,%")
"""Characters that need no quotes in `key=value`."""
_INDENT = "    "


class LogFormat(StrEnum):
    """The formats of the log."""

    JSON = "json"
    TEXT = "text"


class LogEntry(NamedTuple):
    """One event.

    Attributes:
        time: Wall-clock seconds.
        level: The level's name, in any case.
        logger: The logger's name.
        message: The sentence for people; it may contain text of tenants.
        about: What the line is about: keys of `MEANINGS`, others are ignored.
        traceback: Lines of a traceback; empty if there is none.
    """

    time: float
    level: str
    logger: str
    message: str
    about: Mapping[str, Any]
    traceback: str = ""


def format_entry(entry: LogEntry, into: LogFormat) -> str:
    """Return the line, without the line end."""
    return text_line(entry) if into is LogFormat.TEXT else json_line(entry)


def json_line(entry: LogEntry) -> str:
    """Return one JSON object in ASCII, on one line, of at most `MAX_LINE` characters."""
    return fitted(_fields(entry), _dumped)


def text_line(entry: LogEntry) -> str:
    """Return a line for people; those of a traceback follow it, indented.

    Nothing that a tenant wrote can begin a line of its own. Left out are the OOMKill of a kill, and
    keys whose values the message has.
    """
    fields = _fields(entry)
    fields.pop("oomkill", None)
    return fitted(fields, _words)


def _fields(entry: LogEntry) -> LineFields:
    found = {
        **entry.about,
        "time": _rfc3339(entry.time),
        "level": entry.level.lower(),
        "logger": entry.logger,
        "message": entry.message,
        "traceback": entry.traceback or None,
        "truncated": None,
    }
    return {key: _plain(found[key]) for key in MEANINGS if found.get(key) is not None}


def _rfc3339(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _plain(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value that JSON has. A lone surrogate is none, although Python would write it."""
    if isinstance(value, bool | int | Mapping):
        return value
    if isinstance(value, float):
        return round(value, 3) if value - value == 0 else str(value)
    text = value if isinstance(value, str) else str(value)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _dumped(fields: LineFields) -> str:
    """Write JSON without a character that a terminal or a log shipper could act on."""
    return json.dumps(fields, separators=(",", ":"), default=str)


def _words(fields: LineFields) -> str:
    time, level, logger, message = (fields[key] for key in ALWAYS)
    rest = [
        f"{key}={_quoted(value)}"
        for key, value in fields.items()
        if key not in {*ALWAYS, "traceback"} and str(value) not in message
    ]
    first = f"{time} {level.upper()} {logger}: {_visible(message)}"
    trace = [f"{_INDENT}{_visible(line)}" for line in fields.get("traceback", "").splitlines()]
    return "\n".join([" ".join([first, *rest]), *trace])


def _quoted(value: object) -> str:
    text = ",".join(value) if isinstance(value, list) else _visible(str(value))
    text = "true" if value is True else text
    return text if text and _BARE.issuperset(text) else json.dumps(text, ensure_ascii=False)


def _visible(text: str) -> str:
    return readable(text, len(text) * 10)
