"""A progress bar on standard error: only on a terminal, and only for what takes long."""

import sys
import time
from types import TracebackType
from typing import Self

from oomwarden.cli.output.bars import bar

LEAST_BYTES = 64 << 20
"""Less is read without a bar."""
_EVERY = 0.2
_MI = 1 << 20
_CLEAR = "\r\x1b[K"


class Progress:
    """Shows how much of a number of bytes has been read.

    Args:
        total: Bytes in all; None if nobody knows.
    """

    def __init__(self, total: int | None) -> None:
        self._total = total
        self._began = self._last = time.monotonic()
        self._is_shown = False
        self._is_wanted = sys.stderr.isatty() and (total is None or total >= LEAST_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_shown:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()

    def show(self, done: int) -> None:
        """Show that so many bytes are done."""
        now = time.monotonic()
        if not self._is_wanted or now - self._last < _EVERY or done < LEAST_BYTES // 4:
            return
        self._last, self._is_shown = now, True
        speed = done / _MI / max(now - self._began, _EVERY)
        sys.stderr.write(f"{_CLEAR}{self._text(done)}  {speed:.0f} MiB/s")
        sys.stderr.flush()

    def _text(self, done: int) -> str:
        if not self._total:
            return f"read {done // _MI} MiB"
        part = min(done / self._total, 1)
        return f"{part:4.0%} {bar(part, 1):<20} {done // _MI} of {self._total // _MI} MiB"
