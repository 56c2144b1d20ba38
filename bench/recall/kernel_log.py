"""Follows the node's kernel log, live; and the reader of its `oom-kill:` lines that is judged."""

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
"""A reader that was overrun begins anew; one that nobody listens to any more ends."""


class KernelLog(threading.Thread):
    """`lines` are the kernel's own; `reports` stand for sapcc's exporter and the like.

    Such a reader places a kill by the `oom-kill:` line's task_memcg, as soon as the line comes.
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
                self.take(record.decode(errors="replace").rstrip("\n"), time.monotonic())
            if not self._ended.wait(1):
                self._trouble("following the kernel log began anew")

    def take(self, record: str, now: float) -> None:
        """Take a record of /dev/kmsg; the log begins anew after an overrun."""
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
        place = truth.chosen(line)
        if place is not None:
            self.reports.append(Report(place.pod, place.container, now))

    def end(self) -> None:
        """Stop following."""
        self._ended.set()
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
