"""Sends everything that a program reports to one log."""

import logging
import sys
import threading
from types import TracebackType
from typing import TextIO

from oomwarden.core.log_line.line import LogFormat
from oomwarden.log_output.handler import KILLS, LineHandler

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_CHATTY = ("kopf", "aiohttp.access")
"""Libraries that report each request or each handler at level info."""
_LOG = logging.getLogger("oomwarden")


def configure_logging(level: str, into: LogFormat, stream: TextIO | None = None) -> None:
    """Write all records to one stream, those of libraries, warnings and crashes too.

    Only what the interpreter itself prints when it cannot go on is written as it is, to stderr.

    Args:
        level: One of `LEVELS`: the lowest that is written.
        into: The format.
        stream: Where to write; None: stdout, of which a container runtime keeps the order.
    """
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.addHandler(LineHandler(stream or sys.stdout, into))
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel("NOTSET" if level == "DEBUG" else "WARNING")
    logging.getLogger(KILLS).setLevel("INFO")
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    _LOG.critical("the program ends, because of an error", exc_info=(kind, error, trace))


def _uncaught_in_thread(found: threading.ExceptHookArgs) -> None:
    if found.exc_value is None or isinstance(found.exc_value, SystemExit):
        return
    name = found.thread.name if found.thread else "?"
    _LOG.critical("thread %s ends, because of an error", name, exc_info=found.exc_value)


def _unraisable(found: "sys.UnraisableHookArgs") -> None:
    what = found.err_msg or "an error was ignored in"
    _LOG.error("%s: %r", what, found.object, exc_info=found.exc_value)
