"""Writes each log record as one line, and leaves out what floods the log."""

import logging
import time
import traceback
from collections.abc import Mapping
from typing import Any, TextIO

from oomwarden.core.log_line.keys import about_object
from oomwarden.core.log_line.line import LogEntry, LogFormat, format_entry
from oomwarden.core.log_line.repeats import RepeatLimit

KILLS = "oomwarden.kills"
"""The logger of kills. Neither a level nor a limit holds back its lines."""


_LIMIT = "oomwarden_limit"
"""The attribute of a record for what its place has left out."""


class LineFormatter(logging.Formatter):
    """Formats records; it never raises, whatever a record contains.

    Args:
        into: The format.
    """

    def __init__(self, into: LogFormat) -> None:
        super().__init__()
        self._into = into

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        try:
            return format_entry(entry_of(record), self._into)
        except Exception as error:  # noqa: BLE001 - arguments may raise anything when they are printed
            return format_entry(_unprintable(record, error), self._into)


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes lines to one stream, so that their order is the order of events.

    Args:
        stream: Where to write.
        into: The format.
    """

    def __init__(self, stream: TextIO, into: LogFormat) -> None:
        super().__init__(stream)
        self._repeats = RepeatLimit()
        self.setFormatter(LineFormatter(into))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless its place of the code has written too many."""
        if record.name == KILLS or record.levelno <= logging.DEBUG:
            super().emit(record)
            return
        admission = self._repeats.admit((record.pathname, record.lineno), time.monotonic())
        if not admission.admitted:
            return
        record.__dict__[_LIMIT] = {
            "rateLimited": admission.last or None,
            "suppressed": admission.suppressed or None,
        }
        super().emit(record)


def entry_of(record: logging.LogRecord) -> LogEntry:
    """Return the values of a record."""
    keys = {**_about(record), **getattr(record, _LIMIT, {})}
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        keys.setdefault("error", _described(error))
    return LogEntry(
        record.created,
        record.levelname,
        record.name,
        record.getMessage(),
        keys,
        _trace(error, record.stack_info),
    )


def _unprintable(record: logging.LogRecord, error: Exception) -> LogEntry:
    template = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    message = f"{template} (the arguments of this line cannot be printed)"
    keys = {"error": type(error).__name__}
    return LogEntry(record.created, record.levelname, record.name, message, keys)


def _about(record: logging.LogRecord) -> Mapping[str, Any]:
    """Return what the line is about; kopf says it in a form of its own."""
    found = getattr(record, "about", None)
    if isinstance(found, Mapping):
        return found
    reference = getattr(record, "k8s_ref", None)
    if not isinstance(reference, Mapping):
        return {}
    keys: dict[str, Any] = about_object(str(reference.get("kind")), {"metadata": reference})
    return dict(keys["about"])


def _described(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _trace(error: BaseException | None, stack: str | None) -> str:
    parts = [stack] if stack else []
    if error is not None:
        parts.append("".join(traceback.format_exception(error)).rstrip("\n"))
    return "\n".join(parts)
