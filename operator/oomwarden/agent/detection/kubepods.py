"""Finding kubepods and keeping a detector on it; without cgroup v2 the agent says so and waits."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from oomwarden.agent.detection.batch import Batch
from oomwarden.agent.detection.detector import Detector, into_queue
from oomwarden.agent.detection.layout import Layout
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.parse.cgroup_paths import driver
from oomwarden.core.reporting.blindness import Blindness
from oomwarden.kernel.cgroup.files import CgroupRoot, cgroup2_remedy, is_cgroup2
from oomwarden.kernel.cgroup.kubepods import find_kubepods

LOOK_AGAIN_SECONDS = 30.0
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class KubepodsDetection:
    """`unavailable_reason` says what is missing, empty once kubepods is watched."""

    path: Path
    layout: Layout
    queue: asyncio.Queue[Batch] = field(default_factory=asyncio.Queue)
    unavailable_reason: str = "kubepods was not looked for yet"
    kubepods: Cgroup | None = None
    detector: Detector | None = None
    _root: CgroupRoot = field(init=False)

    def __post_init__(self) -> None:
        self._root = CgroupRoot(self.path)

    @property
    def cgroup_driver(self) -> str:
        """Give `systemd` or `cgroupfs`; empty before kubepods is found."""
        return str(driver(self.kubepods.path)) if self.kubepods else ""

    @property
    def nested(self) -> bool:
        """Whether kubepods lies below another cgroup: the kubelet has a root of its own."""
        return self.kubepods is not None and "/" in self.kubepods.path

    @property
    def blindness(self) -> Blindness:
        """Tell where detection cannot see."""
        return self.detector.blindness if self.detector else Blindness()

    @property
    def unreadable(self) -> int:
        """Count the times that detection could not read or understand a cgroup's files."""
        return self.detector.unreadable if self.detector else 0

    def age_from(self) -> float:
        """Give the monotonic time of the detector's last look; 0: it does not run."""
        return self.detector.progress if self.detector else 0.0

    async def find(self) -> Cgroup:
        """Look for kubepods until it is there; say once per reason why it is not."""
        told = ""
        while (found := self._look()) is None:
            if self.unavailable_reason != told:
                _LOG.error("kills cannot be seen: %s", self.unavailable_reason)
                told = self.unavailable_reason
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        self.kubepods, self.unavailable_reason = found, ""
        return found

    async def run(self, kubepods: Cgroup) -> None:
        """Detect for ever.

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

    def _look(self) -> Cgroup | None:
        if not is_cgroup2(self.path):
            self.unavailable_reason = cgroup2_remedy(self.path)
            return None
        found = find_kubepods(self._root)
        if found is None:
            self.unavailable_reason = (
                f"no kubepods cgroup below {self.path}: is a kubelet running, is the host's "
                "/sys/fs/cgroup mounted there, and has the kubelet cgroupsPerQOS: true, its "
                "default? Without it pods have no cgroups of their own, and their kills are not "
                "recorded"
            )
        return found


def _from_thread(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    loop.call_soon_threadsafe(call)
