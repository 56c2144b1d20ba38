"""The logging of the test process, which a program under test replaces."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def restored_logging() -> Iterator[None]:
    """Restore handlers, levels and hooks afterwards."""
    root, names = logging.getLogger(), ("", "kopf", "aiohttp.access", "oomwarden.kills")
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in names}
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    root.handlers = []  # so that nobody closes pytest's own
    try:
        yield
    finally:
        root.handlers = handlers
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        logging.captureWarnings(capture=False)
        sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
