"""Progress on the terminal: each step's name, how long it has taken, and what it waits for."""

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

_LIVE_INTERVAL = 0.5
_LOG_INTERVAL = 30.0
_INDENT = "  "
_CLEAR = "\r\x1b[K"


class Step:
    """A long step; `waits_for` may change while it runs."""

    def __init__(self, name: str, waits_for: str) -> None:
        self.name = name
        self.waits_for = waits_for
        self._started = time.monotonic()

    def __str__(self) -> str:
        return f"{self.name}: {self.elapsed()}, waiting for {self.waits_for}"

    def elapsed(self) -> str:
        return duration(time.monotonic() - self._started)


class ProgressBoard:
    """All running steps on one stream: one live line on a terminal, whole lines in a log."""

    def __init__(self, stream: Callable[[], TextIO]) -> None:
        self._stream = stream
        self._running: list[Step] = []
        self._changed = threading.Condition()
        self._ticker: threading.Thread | None = None

    def start(self, step: Step) -> None:
        with self._changed:
            if not self._is_live():
                self._write(f"{_INDENT}{step.name}: started; waiting for {step.waits_for}\n")
            self._running.append(step)
            if self._ticker is None:
                self._ticker = threading.Thread(target=self._show_until_done, daemon=True)
                self._ticker.start()

    def finish(self, step: Step, outcome: str) -> None:
        with self._changed:
            self._running.remove(step)
            clear = _CLEAR if self._is_live() else ""
            self._write(f"{clear}{_INDENT}{step.name}: {outcome} after {step.elapsed()}\n")
            self._changed.notify_all()

    def _show_until_done(self) -> None:
        with self._changed:
            interval = _LIVE_INTERVAL if self._is_live() else _LOG_INTERVAL
            while not self._changed.wait_for(lambda: not self._running, interval):
                self._show()
            self._ticker = None

    def _show(self) -> None:
        if self._is_live():
            width = shutil.get_terminal_size().columns
            self._write(f"{_CLEAR}{live_line(self._running, width)}")
        else:
            self._write("".join(f"{_INDENT}{step}\n" for step in self._running))

    def _is_live(self) -> bool:
        return self._stream().isatty()

    def _write(self, text: str) -> None:
        self._stream().write(text)
        self._stream().flush()


_standard_error = ProgressBoard(lambda: sys.stderr)


def live_line(running: list[Step], width: int) -> str:
    """Return one line of a terminal that shows the running steps.

    Args:
        running: The steps; only a single step shows what it waits for.
        width: The terminal's columns; the last one stays free.
    """
    several = ", ".join(f"{step.name} {step.elapsed()}" for step in running)
    text = _INDENT + (several if len(running) > 1 else "".join(map(str, running)))
    return text if len(text) < width else f"{text[: width - 2]}…"


def duration(seconds: float) -> str:
    """Format a time span for people, e.g. `7 s` or `3 min 20 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


@contextmanager
def step(name: str, waits_for: str, board: ProgressBoard = _standard_error) -> Iterator[Step]:
    """Show a long step from start to end.

    Args:
        name: What is being done, e.g. `build kubelet`.
        waits_for: What it waits for, e.g. `the Go compiler, about 4 minutes`.
        board: Where to show it; standard error by default.

    Yields:
        The step, so that the block can update what it waits for.
    """
    current = Step(name, waits_for)
    board.start(current)
    outcome = "failed"
    try:
        yield current
        outcome = "done"
    finally:
        board.finish(current, outcome)


def say(text: str) -> None:
    """Print one line for the user to standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
