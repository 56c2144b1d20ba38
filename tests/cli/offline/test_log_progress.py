import sys
import time

import pytest
from oomwarden.cli.offline.log_progress import LEAST_BYTES, Progress


class Terminal:
    def __init__(self, *, is_terminal: bool) -> None:
        self.text, self._is_terminal = "", is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


def shown(monkeypatch: pytest.MonkeyPatch, total: int | None, *, is_terminal: bool = True) -> str:
    terminal, clock = Terminal(is_terminal=is_terminal), iter(range(100))
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with Progress(total) as progress:
        progress.show(LEAST_BYTES // 2)
        progress.show(LEAST_BYTES)
    return terminal.text


def test_a_large_file_has_a_bar_that_is_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, 2 * LEAST_BYTES)
    assert " 25% █████" in text
    assert "64 of 128 MiB  32 MiB/s" in text
    assert text.endswith("\r\x1b[K")


def test_a_pipe_shows_how_much_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "read 64 MiB" in shown(monkeypatch, None)


def test_a_small_file_and_a_pipe_on_stderr_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, LEAST_BYTES - 1) == ""
    assert shown(monkeypatch, 2 * LEAST_BYTES, is_terminal=False) == ""
