"""Counts what a piece of work costs, whatever the machine: function calls and system calls."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import pytest

SYSTEM_CALLS = ("open", "read", "pread", "fstat", "scandir", "listdir", "dup", "close")


@dataclass
class Counted:
    """How many calls there were."""

    calls: int = 0


@contextmanager
def function_calls() -> Iterator[Counted]:
    """Count the calls of Python functions in this thread, and the turns of generators."""
    found = Counted()

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        found.calls += event == "call"

    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)


def system_calls(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Count the calls of `os` that lead to the kernel, from now on."""
    found = Counted()
    for name in SYSTEM_CALLS:
        call = getattr(os, name)

        def counted(*arguments: object, _call: object = call, **named: object) -> object:
            found.calls += 1
            assert callable(_call)
            return _call(*arguments, **named)

        monkeypatch.setattr(os, name, counted)
    return found
