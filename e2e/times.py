"""Reports the durations of stories and why they failed, on the terminal and as JSON."""

import json
import os
from pathlib import Path

import pytest

from e2e.sharing import name_of

VARIABLE = "OOMWARDEN_TIMES"
"""The environment variable with the path of the JSON file."""
_SHOWN = 10
_REASON_LINES = 30


def short_name(nodeid: str) -> str:
    """Return a story's name without its folder and without the suffix that xdist adds."""
    path, separator, function = nodeid.partition("::")
    name = path.rpartition("/")[2] + separator + function
    return name[: name.rfind("@")] if name.rfind("@") > name.rfind("]") else name


def reason(report: pytest.TestReport) -> list[str]:
    """Return why a story failed: the lines that pytest marks with E, the first few."""
    marked = [line for line in report.longreprtext.splitlines() if line.startswith("E ")]
    return marked[:_REASON_LINES]


class Times:
    """Sums up the duration of each story, including the fixtures that it was the first to use."""

    def __init__(self) -> None:
        self._reasons: dict[str, list[str]] = {}
        self._seconds: dict[str, float] = {}
        self._clusters: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = short_name(report.nodeid)
        self._seconds[name] = self._seconds.get(name, 0.0) + report.duration
        self._clusters[name] = name_of(getattr(report, "worker_id", None))
        if report.failed:
            self._reasons.setdefault(name, []).extend([f"in {report.when}:", *reason(report)])

    def slowest_first(self) -> list[dict[str, object]]:
        """Return name, seconds and cluster of all stories, slowest first; why, if one failed."""
        ordered = sorted(self._seconds.items(), key=lambda pair: -pair[1])
        return [
            {"name": name, "seconds": round(seconds, 2), "cluster": self._clusters[name]}
            | ({"failed": self._reasons[name]} if name in self._reasons else {})
            for name, seconds in ordered
        ]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        stories = self.slowest_first()
        terminalreporter.section(f"slowest {_SHOWN} stories")
        for time in stories[:_SHOWN]:
            line = f"{time['seconds']:7.1f} s  {time['cluster']}  {time['name']}"
            terminalreporter.write_line(line)
        if path := os.environ.get(VARIABLE):
            Path(path).write_text(json.dumps(stories, indent=1) + "\n", encoding="utf-8")
