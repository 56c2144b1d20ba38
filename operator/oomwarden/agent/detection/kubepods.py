"""Finds the kubepods cgroup and runs a detector on it.

Without cgroup v2 or kubepods, the agent reports that and keeps looking.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from oomwarden.agent.detection.batch import Batch
from oomwarden.agent.detection.detector import Detector, into_queue
from oomwarden.agent.detection.layout import LayoutMonitor
from oomwarden.core.log_line.keys import about
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.parse.cgroup_paths import driver
from oomwarden.core.reporting.detection_gaps import DetectionGaps
from oomwarden.kernel.cgroup.files import CgroupRoot, cgroup2_remedy, is_cgroup2
from oomwarden.kernel.cgroup.kubepods import find_kubepods

RETRY_SECONDS = 30.0
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class KubepodsDetection:
    """The kubepods cgroup and its detector, once there is one."""

    path: Path
    layout: LayoutMonitor
    queue: asyncio.Queue[Batch] = field(default_factory=asyncio.Queue)
    unavailable_reason: str = "the agent has not searched for the kubepods cgroup yet"
    """What is missing; empty once kubepods is found."""
    kubepods: Cgroup | None = None
    detector: Detector | None = None
    _root: CgroupRoot = field(init=False)

    def __post_init__(self) -> None:
        self._root = CgroupRoot(self.path)

    @property
    def cgroup_driver(self) -> str:
        """`systemd` or `cgroupfs`; empty before kubepods is found."""
        return str(driver(self.kubepods.path)) if self.kubepods else ""

    @property
    def nested(self) -> bool:
        """Whether kubepods is below another cgroup: the kubelet has a root of its own."""
        return self.kubepods is not None and "/" in self.kubepods.path

    @property
    def blindness(self) -> DetectionGaps:
        """The parts of the tree that detection does not cover."""
        return self.detector.blindness if self.detector else DetectionGaps()

    @property
    def unreadable(self) -> int:
        """How often a cgroup's files could not be read or parsed."""
        return self.detector.unreadable if self.detector else 0

    def last_progress(self) -> float:
        """Return the monotonic time of the detector's last batch; 0 if it does not run."""
        return self.detector.progress if self.detector else 0.0

    async def find(self) -> Cgroup:
        """Search until kubepods exists; log each new reason why it does not once."""
        logged = ""
        while (found := self._find_once()) is None:
            if self.unavailable_reason != logged:
                _LOG.error(
                    "kills cannot be detected: %s",
                    self.unavailable_reason,
                    extra=about(reason="Blind", error=self.unavailable_reason),
                )
                logged = self.unavailable_reason
            await asyncio.sleep(RETRY_SECONDS)
        self.kubepods, self.unavailable_reason = found, ""
        return found

    async def run(self, kubepods: Cgroup) -> None:
        """Run a detector until cancelled.

        Raises:
            RuntimeError: the thread ended; its error is the cause.
        """
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        detector = Detector(self._root, kubepods, into_queue(loop, self.queue))
        self.detector = detector
        detector.start(partial(_from_thread, loop, ended.set))
        try:
            await ended.wait()
        finally:
            detector.stop()
        raise RuntimeError("detection ended") from detector.error

    def _find_once(self) -> Cgroup | None:
        if not is_cgroup2(self.path):
            self.unavailable_reason = cgroup2_remedy(self.path)
            return None
        found = find_kubepods(self._root)
        if found is None:
            self.unavailable_reason = (
                f"there is no kubepods cgroup below {self.path}: check that a kubelet runs, that "
                "the host's /sys/fs/cgroup is mounted there, and that the kubelet has "
                "cgroupsPerQOS: true, its default. Without it, pods have no cgroups of their own "
                "and their kills are not recorded"
            )
        return found


def _from_thread(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    loop.call_soon_threadsafe(call)
