"""What an agent's own report and strace say: memory by module, CPU time and calls by loop."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Figures = dict[str, float]
MIB = 1 << 20
OWN = "oomwarden"
_CALL = re.compile(r"(?P<tid>\d+) +(?:[0-9.]+ )?(?P<name>\w+)\((?P<arguments>[^)]*)")
_MARK = re.compile(r'-1, "(?P<name>[^"]*)"')
_OUTSIDE = "event loop"


@dataclass(frozen=True)
class Report:
    """What the probe in the agent has written (inside/probe.py).

    Attributes:
        interpreter: Resident bytes before the first import of the agent.
        imported: Resident bytes when the event loop began.
        resident: Resident bytes when the report was written.
        imports: Module, bytes that it added, whether it was imported after the event loop began.
        handles: CPU time in nanoseconds and number of the handles, by task.
    """

    interpreter: int
    imported: int
    resident: int
    imports: list[tuple[str, int, bool]]
    handles: dict[str, tuple[int, int]]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "Report":
        """Return a report from its JSON."""
        return cls(**found)


def memory_by_module(report: Report) -> Figures:
    """Return MiB by top-level package, and by package of oomwarden."""
    sizes = Counter[str]()
    for name, added, is_late in report.imports:
        sizes["imported after that" if is_late else _group(name)] += added
    whole = report.imported - report.interpreter
    early = sum(added for _, added, is_late in report.imports if not is_late) / MIB
    later = sum(added for _, added, is_late in report.imports if is_late)
    return {
        "interpreter": report.interpreter / MIB,
        **{name: size / MIB for name, size in sizes.most_common()},
        "made before the event loop began": whole / MIB - early,
        "made after that": (report.resident - report.imported - later) / MIB,
    }


def _group(name: str) -> str:
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == OWN else parts[0]


def milliseconds_by_loop(before: Report, now: Report, seconds: float) -> Figures:
    """Return CPU time in ms a minute of the main thread, by task."""
    found: Figures = {}
    for name, (spent, _) in now.handles.items():
        earlier, _ = before.handles.get(name, (0, 0))
        if spent > earlier:
            found[name] = (spent - earlier) / 1e6 * 60 / seconds
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def calls_by_loop(lines: Iterable[str], threads: Mapping[int, str], main: int) -> Counter[str]:
    """Count system calls in a log of `strace -f`, by task in the main thread, by other threads.

    The probe marks where a task begins and ends by a write to descriptor -1.
    """
    calls, task = Counter[str](), _OUTSIDE
    for line in lines:
        found = _CALL.match(line)
        if found is None:
            continue
        thread = int(found["tid"])
        mark = _MARK.match(found["arguments"]) if found["name"] == "write" else None
        if thread != main:
            calls[f"thread {threads.get(thread, '?')}"] += 1
        elif mark:
            task = mark["name"] or _OUTSIDE
        else:
            calls[task] += 1
    return calls
