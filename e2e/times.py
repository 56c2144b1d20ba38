"""Where a run's time went: the slowest stories, for a person and for a program."""

import json
import os
from pathlib import Path

import pytest

from e2e.sharing import name_of

VARIABLE = "OOMWARDEN_TIMES"
"""Names the file that all times are written to, as JSON."""
_SHOWN = 10


def short_name(nodeid: str) -> str:
    """Give a story's name without its folder and without what xdist puts behind it."""
    path, separator, function = nodeid.partition("::")
    name = path.rpartition("/")[2] + separator + function
    return name[: name.rfind("@")] if name.rfind("@") > name.rfind("]") else name


class Times:
    """Adds up what each story took, with the fixtures that it was the first to need."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._clusters: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = short_name(report.nodeid)
        self._seconds[name] = self._seconds.get(name, 0.0) + report.duration
        self._clusters[name] = name_of(getattr(report, "worker_id", None))

    def told(self) -> list[dict[str, object]]:
        """List all stories, slowest first."""
        ordered = sorted(self._seconds.items(), key=lambda pair: -pair[1])
        return [
            {"name": name, "seconds": round(seconds, 2), "cluster": self._clusters[name]}
            for name, seconds in ordered
        ]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        told = self.told()
        terminalreporter.section(f"slowest {_SHOWN} stories")
        for time in told[:_SHOWN]:
            line = f"{time['seconds']:7.1f} s  {time['cluster']}  {time['name']}"
            terminalreporter.write_line(line)
        if path := os.environ.get(VARIABLE):
            Path(path).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
