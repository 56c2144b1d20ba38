"""What a waiting person sees: the step's name, the time it has taken, what it waits for."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_LIVE_INTERVAL = 0.5
_LOG_INTERVAL = 30.0


class Step:
    """One long step; `waits_for` may be changed while it runs."""

    def __init__(self, name: str, waits_for: str, stream: TextIO) -> None:
        self.name = name
        self.waits_for = waits_for
        self._stream = stream
        self._live = stream.isatty()
        self._started = time.monotonic()
        self._ended = threading.Event()

    def begin(self) -> None:
        if not self._live:
            self._line(f"{self.name}: begins; waits for {self.waits_for}")

    def tick_until_ended(self) -> None:
        """Shows the step again and again: a live line on a terminal, rare lines in a log."""
        while not self._ended.wait(_LIVE_INTERVAL if self._live else _LOG_INTERVAL):
            self.show()

    def show(self) -> None:
        text = f"{self.name}: {self.elapsed()}, waits for {self.waits_for}"
        if self._live:
            self._stream.write(f"\r\x1b[K  {text}")
            self._stream.flush()
        else:
            self._line(text)

    def end(self, outcome: str) -> None:
        self._ended.set()
        if self._live:
            self._stream.write("\r\x1b[K")
        self._line(f"{self.name}: {outcome} after {self.elapsed()}")

    def elapsed(self) -> str:
        return duration(time.monotonic() - self._started)

    def _line(self, text: str) -> None:
        self._stream.write(f"  {text}\n")
        self._stream.flush()


def duration(seconds: float) -> str:
    """Writes a time span as a person says it, e.g. `7 s` or `3 min 20 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


@contextmanager
def step(name: str, waits_for: str, stream: TextIO | None = None) -> Iterator[Step]:
    """Shows a long step from its begin to its end.

    Args:
        name: What is being done, e.g. `build kubelet`.
        waits_for: What takes the time, e.g. `the Go compiler, about 4 minutes`.
        stream: Where to show it; standard error by default.

    Yields:
        The step, so that its body can say what it waits for by now.
    """
    current = Step(name, waits_for, stream or sys.stderr)
    current.begin()
    ticker = threading.Thread(target=current.tick_until_ended, daemon=True)
    ticker.start()
    outcome = "failed"
    try:
        yield current
        outcome = "done"
    finally:
        current.end(outcome)
        ticker.join()


def say(text: str) -> None:
    """Writes one line for the person who waits."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
