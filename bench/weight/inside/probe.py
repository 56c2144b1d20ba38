"""Measures an agent from inside: memory of each import, CPU time of each handle by task.

It disturbs what it measures, so the other figures come from an agent without it.
SIGUSR1 writes the report. After SIGUSR2, handles are not timed but marked for strace.
"""

import builtins
import ctypes
import os
import signal
import sys
import time
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# ruff: noqa: SLF001 - it reaches into importlib and asyncio, which have no other seam

_PAGE = os.sysconf("SC_PAGE_SIZE")
_SHARED = 2
_NETWORK = {"selector_events", "sslproto", "streams", "base_events"}
_libc = ctypes.CDLL(None)


class Imports:
    """Resident bytes that each module added, without those of modules that it imports."""

    def __init__(self) -> None:
        self.found: list[tuple[str, int, bool]] = []
        self.late = False
        self._below = [0]
        self._statm = os.open("/proc/self/statm", os.O_RDONLY)
        self._imports: Callable[..., ModuleType] = importlib()._find_and_load

    def resident(self) -> int:
        """Return the resident bytes of the process."""
        return int(os.pread(self._statm, 128, 0).split()[1]) * _PAGE

    def load(self, name: str, importer: object) -> ModuleType:
        """Import a module."""
        if name in sys.modules:
            return self._imports(name, importer)
        before = self.resident()
        self._below.append(0)
        try:
            return self._imports(name, importer)
        finally:
            below, whole = self._below.pop(), self.resident() - before
            self.found.append((name, whole - below, self.late))
            self._below[-1] += whole


class Handles:
    """CPU time and number of the event loop's handles by what they belong to."""

    def __init__(self, imports: Imports) -> None:
        from asyncio import Task, events  # noqa: PLC0415 - after imports are measured

        self.spent: dict[str, list[int]] = {}
        self.imported = 0
        self.marks = False
        self._began = 0
        self._imports, self._task, self._names = imports, Task, dict[object, str]()
        self._run: Callable[[Any], None] = events.Handle._run
        setattr(events.Handle, "_run", lambda handle: self.run(handle))  # noqa: B010, PLW0108

    def run(self, handle: Any) -> None:
        """Run a handle."""
        if not self._began:
            self.imported, self._began = self._imports.resident(), time.thread_time_ns()
            self._imports.late = True
        name = self.name_of(handle._callback)
        if self.marks:
            _mark(name)
            self._run(handle)
            _mark("")
            return
        before = time.thread_time_ns()
        self._run(handle)
        spent = self.spent.setdefault(name, [0, 0])
        spent[0] += time.thread_time_ns() - before
        spent[1] += 1

    def name_of(self, callback: Any) -> str:
        """Return the name of the callback's task, or what else it is."""
        owner = getattr(callback, "__self__", None)
        if isinstance(owner, self._task):
            name = owner.get_name()
            if not name.startswith("Task-"):
                return _short(name)
            return _short(str(getattr(owner.get_coro(), "__qualname__", "a task")))
        module = str(getattr(callback, "__module__", None) or type(owner).__module__)
        if module.rpartition(".")[2] in _NETWORK:
            return "network"
        return _short(str(getattr(callback, "__qualname__", None) or type(callback).__name__))

    def report(self) -> dict[str, Any]:
        """Return what was measured; the rest of the main thread's time is the event loop's own."""
        whole = time.thread_time_ns() - self._began
        own = whole - sum(nanoseconds for nanoseconds, _ in self.spent.values())
        return {**self.spent, "event loop": [own, 0]}


def begin(path: str) -> None:
    """Measure from now on, and write a report to the path at each SIGUSR1."""
    imports = Imports()
    first = imports.resident()
    importlib()._find_and_load = imports.load
    handles = Handles(imports)

    def write(_number: int, _frame: FrameType | None) -> None:
        import json  # noqa: PLC0415 - the agent has it

        report = {
            "interpreter": first,
            "imported": handles.imported,
            "resident": imports.resident(),
            "imports": imports.found,
            "handles": handles.report(),
        }
        with builtins.open(f"{path}.new", "w") as file:  # noqa: PTH123
            json.dump(report, file)
        os.rename(f"{path}.new", path)  # noqa: PTH104

    def mark(_number: int, _frame: FrameType | None) -> None:
        handles.marks = True

    signal.signal(signal.SIGUSR1, write)
    signal.signal(signal.SIGUSR2, mark)


def _short(name: str) -> str:
    """Return the last two parts of a qualified name."""
    return ".".join(name.replace(".<locals>", "").split(".")[-2:])


def importlib() -> Any:
    """Return the module whose _find_and_load the import statement calls."""
    return sys.modules["_frozen_importlib"]


def _mark(name: str) -> None:
    """Make a call that fails at once and that strace shows."""
    text = name.encode()
    _libc.write(-1, text, len(text))
