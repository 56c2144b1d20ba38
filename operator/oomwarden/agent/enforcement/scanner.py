"""One scan of a container in a thread that may be left behind, without the pids that hang there.

Command lines take the target's mmap lock, so scans that read them have a worker of their own:
what hangs there keeps no other container waiting. At the next try the pid that hung is left out,
and its neighbours go on. After two of one container, or when that worker has no thread left, no
command line of the container is read for a while.
"""

import logging
import time
from collections.abc import Callable, Container, Hashable
from dataclasses import dataclass, field
from functools import partial

from oomwarden.agent.enforcement.tracked import TrackedContainer
from oomwarden.agent.runtime.worker import KernelWorker, StuckError
from oomwarden.core.enforcement.plan import ScanOutcome, ScorePlan
from oomwarden.core.enforcement.scan_outcome import stuck_processes
from oomwarden.core.model.remark import Remark
from oomwarden.kernel.cgroup.files import CgroupGoneError
from oomwarden.kernel.container.scores import apply_plan
from oomwarden.kernel.proc.cmdline import CommandLines
from oomwarden.kernel.roots import HostRoots

MOST_LEFT_OUT = 2
LEFT_OUT_SECONDS = 60.0
"""A process that answers slowly, again and again, would take the patience of every scan."""
STUCK = Remark("Stuck", "The kernel does not answer for this container; see the node's log.")
_LOG = logging.getLogger(__name__)

ScanResult = tuple[ScanOutcome | None, Remark | None]


@dataclass(frozen=True, slots=True)
class _Hung:
    """A pid whose command line did not come: the call, and until when it is left out at least.

    A new process that gets the pid meanwhile waits as well.
    """

    key: Hashable
    until: float


@dataclass(slots=True)
class Scanner:
    """Carries out orders. `worker` gives the one for scans that read no command lines."""

    worker: Callable[[], KernelWorker]
    places: HostRoots
    commands: KernelWorker = field(default_factory=partial(KernelWorker, "commands"))
    clock: Callable[[], float] = time.monotonic
    _hung: dict[int, dict[int, _Hung]] = field(default_factory=dict)  # by inode, then by pid

    async def apply_plan(self, charge: TrackedContainer, order: ScorePlan) -> ScanResult:
        """Scan a container; None: the scan could not be made, and the remark says why."""
        cgroup = charge.container.cgroup
        lines, worker, key = self._way(cgroup.inode, order)
        work = partial(apply_plan, self.places, cgroup, order, charge.verified_pids(), lines)
        try:
            outcome, cost = await worker.run(key, partial(_timed, work))
            charge.cost += cost
        except CgroupGoneError:
            return None, None
        except StuckError:
            return None, self._stuck(charge, key, lines)
        except OSError as error:
            _LOG.warning("%s cannot be scanned: %s", cgroup.path, error)
            return None, Remark("Failed", f"The container's processes cannot be listed: {error}")
        if outcome.failure and (charge.outcome is None or not charge.outcome.failure):
            _LOG.warning("%s: processes were not changed: %s", cgroup.path, outcome.failure)
        return outcome, None

    def _way(self, inode: int, order: ScorePlan) -> tuple[CommandLines, KernelWorker, Hashable]:
        """Choose whose command lines are read, by which worker, under which key."""
        left_out = self._left_out(inode) if order.rules else None
        if left_out is not None:
            key: Hashable = (inode, left_out)
            if not self.commands.refuses(key):
                return CommandLines(left_out), self.commands, key
        return CommandLines(None), self.worker(), inode

    def keep_only(self, live: Container[int]) -> None:
        """Forget the containers that are gone."""
        self._hung = {inode: each for inode, each in self._hung.items() if inode in live}

    def _stuck(self, charge: TrackedContainer, key: Hashable, lines: CommandLines) -> Remark:
        lines.abandoned = True
        pid, cgroup = lines.reading, charge.container.cgroup
        if pid is None:
            return STUCK
        _LOG.warning("%s: the command line of process %d does not come", cgroup.path, pid)
        hung = self._hung.setdefault(cgroup.inode, {})
        hung[pid] = _Hung(key, self.clock() + LEFT_OUT_SECONDS)
        charge.requeue_soon()
        return stuck_processes([pid])

    def _left_out(self, inode: int) -> frozenset[int] | None:
        """Give the pids to be passed over; None: all."""
        now = self.clock()
        hung = {
            pid: each
            for pid, each in self._hung.pop(inode, {}).items()
            if self.commands.is_stuck(each.key) or now < each.until
        }
        if hung:
            self._hung[inode] = hung
        return None if len(hung) >= MOST_LEFT_OUT else frozenset(hung)


def _timed(work: Callable[[], ScanOutcome]) -> tuple[ScanOutcome, float]:
    """Give the processor time of this thread as well, in seconds."""
    began = time.thread_time()
    return work(), time.thread_time() - began
