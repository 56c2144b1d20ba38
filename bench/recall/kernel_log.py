"""Follow the node's kernel log, and report kills by its `oom-kill:` lines like the rivals do."""

import subprocess
import threading
import time
from collections.abc import Callable

from bench import observer
from bench.recall import truth
from bench.recall.judge import Report
from e2e.world import World

Trouble = Callable[[str], None]
_FOLLOW = "while true; do cat /dev/kmsg; echo || exit; done"
"""Starts again after an overrun (EPIPE), and ends when its output is closed."""


class KernelLog(threading.Thread):
    """Collects the kernel's lines, and the reports that a reader of them would make.

    Such readers (like sapcc's exporter) attribute a kill by the task_memcg of its `oom-kill:` line,
    as soon as the line appears.
    """

    def __init__(self, world: World, trouble: Trouble) -> None:
        super().__init__(daemon=True)
        kubectl = str(world.cluster.programs["kubectl"])
        self._command = [kubectl, "exec", "-n", observer.NAMESPACE, observer.NAME, "--"]
        self._environment = world.cluster.environment()
        self._trouble = trouble
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()
        self._number = -1
        self.lines: list[truth.LogLine] = []
        self.reports: list[Report] = []

    def run(self) -> None:
        while not self._ended.is_set():
            self._process = subprocess.Popen(
                [*self._command, "sh", "-c", _FOLLOW],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._environment,
            )
            for record in self._process.stdout or ():
                self.add_record(record.decode(errors="replace").rstrip("\n"), time.monotonic())
            if not self._ended.wait(1):
                self._trouble("following the kernel log was interrupted")

    def add_record(self, record: str, now: float) -> None:
        """Add a record of /dev/kmsg unless it is known: after an overrun the log starts again."""
        number = truth.number_of(record)
        if number is None or number <= self._number:
            return
        if 0 <= self._number < number - 1:
            self._trouble(f"{number - 1 - self._number} records of the kernel log were overwritten")
        self._number = number
        line = truth.parse_line(record)
        if line is None:
            return
        self.lines.append(line)
        place = truth.victim_container(line)
        if place is not None:
            self.reports.append(Report(place.pod, place.container, now))

    def end(self) -> None:
        """Stop following the log."""
        self._ended.set()
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
