"""One scan of a container in a thread that may be left behind, without the pids that hang there.

The steps, in order: write the plan's scores, within the node's cap -> where processes had given
themselves scores, save those -> scan once more, which overrides them.

Command lines take the target's mmap lock, so scans that read them have a worker of their own:
what hangs there keeps no other container waiting. At the next try the pid that hung is left out,
and its neighbours go on. After two of one container, or when that worker has no thread left, no
command line of the container is read for a while.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Container, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from oomwarden.agent.baselines.own_scores import OwnScoreBaselines
from oomwarden.agent.enforcement.caps import Caps
from oomwarden.agent.enforcement.tracked import TrackedContainer
from oomwarden.agent.runtime.worker import KernelWorker, StuckError
from oomwarden.core.enforcement.plan import ScanOutcome, ScorePlan
from oomwarden.core.enforcement.scan_outcome import stuck_remark
from oomwarden.core.log_line.keys import NOT_SAVED_REASON, UNREADABLE, about
from oomwarden.core.model.remark import Remark
from oomwarden.kernel.cgroup.files import CgroupGoneError
from oomwarden.kernel.cgroup.member_files import MemberFiles
from oomwarden.kernel.container.quiet_look import QuietContainer, find_unchanged
from oomwarden.kernel.container.scores import apply_plan
from oomwarden.kernel.proc.cmdline import CommandLines
from oomwarden.kernel.roots import HostRoots

MAX_LEFT_OUT = 2
LEFT_OUT_SECONDS = 60.0
"""A process that answers slowly, again and again, would take the patience of every scan."""
STUCK = Remark("Stuck", "The kernel does not answer for this container; see the node's log.")
_ALL = 0
"""No cgroup has this inode number: a scan that is stuck under it is one of all containers."""
_LOG = logging.getLogger(__name__)

ScanResult = tuple[ScanOutcome | None, Remark | None]
"""What was found, and what stood in the way; without an outcome the scan could not be made."""


class _Hung(Struct, frozen=True):
    """A pid whose command line did not come: the call, and until when it is left out at least.

    A new process that gets the pid meanwhile waits as well.
    """

    key: Hashable
    until: float


@dataclass(slots=True)
class Scanner:
    """Carries out the plans of containers.

    Attributes:
        host: The cgroup and proc file systems.
        caps: How many processes may be changed.
        own: The scores that processes had given themselves.
        worker: Scans that read no command lines.
        commands: Scans that read command lines.
        clock: Returns seconds that only go forward.
    """

    host: HostRoots
    caps: Caps
    own: OwnScoreBaselines
    worker: KernelWorker = field(default_factory=partial(KernelWorker, "enforce"))
    commands: KernelWorker = field(default_factory=partial(KernelWorker, "commands"))
    clock: Callable[[], float] = time.monotonic
    _hung: dict[int, dict[int, _Hung]] = field(default_factory=dict)  # by inode, then by pid
    _members: MemberFiles = field(init=False)

    def __post_init__(self) -> None:
        self._members = MemberFiles(self.host.cgroups)

    async def scan(self, tracked: TrackedContainer) -> ScanResult:
        """Scan a container, and once more where the first scan has found what had to be saved."""
        first, trouble = await self._scan_once(tracked)
        if first is None or not first.unsaved or not await self._save_own():
            return first, trouble
        outcome, trouble = await self._scan_once(tracked)
        if outcome is None:
            return first, trouble
        return replace(outcome, changed=first.changed + outcome.changed), trouble

    async def find_unchanged(self, due: Sequence[TrackedContainer]) -> dict[int, frozenset[int]]:
        """Check, in one go, the containers in which no change is expected.

        A hand-over to the worker's thread costs more than listing the processes of a container.
        With rules for processes a pid proves nothing: its command line may be a new one.

        Returns:
            By cgroup inode, the pids of the containers that have none beside the verified ones.
        """
        quiet = [one for each in due if (one := self._quiet(each)) is not None]
        if not quiet or self.worker.refuses(_ALL):
            return {}
        look = partial(find_unchanged, self._members, self.host.proc, quiet)
        try:
            return await self.worker.run(_ALL, look)
        except StuckError:
            self._abandon_members()
            return {}  # each is tried alone

    def _quiet(self, tracked: TrackedContainer) -> QuietContainer | None:
        """Return what is to be checked of a container; None if it needs a scan of its own."""
        plan, container, confirmed = tracked.plan, tracked.container, tracked.confirmed
        is_full = tracked.schedule.is_full_scan_next()
        if confirmed is not None and confirmed is tracked.outcome and not is_full:
            return QuietContainer(container.cgroup, confirmed.in_effect)
        if plan is None or plan.rules or not tracked.is_written:
            return None
        if not is_full:
            pids = tracked.verified_pids()
            return QuietContainer(container.cgroup, pids) if pids else None
        if plan.target is None or not tracked.is_confirmed or self.own.has(container):
            return None
        return QuietContainer(container.cgroup, frozenset(), plan.target)

    def _abandon_members(self) -> None:
        """Leave the open files to the call that hangs: it may go on with them at any time."""
        self._members.abandoned = True
        self._members = MemberFiles(self.host.cgroups)

    async def keep_only(self, live: Container[int], planned: Container[int]) -> None:
        """Forget the containers that are gone; keep the files of those with a plan open."""
        self._hung = {inode: each for inode, each in self._hung.items() if inode in live}
        if self._members.has_others(planned) and not self.worker.refuses(_ALL):
            try:
                await self.worker.run(_ALL, partial(self._members.keep_only, planned))
            except StuckError:
                self._abandon_members()

    async def _scan_once(self, tracked: TrackedContainer) -> ScanResult:
        if tracked.plan is None:
            return None, None
        container = tracked.container
        plan = replace(
            tracked.plan, max_changes=self.caps.available(), own=self.own.saved(container)
        )
        # From now on such a score may be one that oomwarden wrote.
        tracked.plan = replace(tracked.plan, never_assigned=frozenset())
        outcome, trouble = await self._apply(tracked, plan)
        if outcome is not None:
            self.caps.spend(outcome.changed)
            if outcome.own_scores is not None:
                self.own.record(container, outcome.own_scores)
        return outcome, trouble

    async def _apply(self, tracked: TrackedContainer, plan: ScorePlan) -> ScanResult:
        cgroup = tracked.container.cgroup
        lines, worker, key = self._way(cgroup.inode, plan)
        work = partial(apply_plan, self.host, cgroup, plan, tracked.verified_pids(), lines)
        try:
            outcome, cost = await worker.run(key, partial(_timed, work))
            tracked.cost += cost
        except CgroupGoneError:
            return None, None
        except StuckError:
            return None, self._stuck(tracked, key, lines)
        except OSError as error:
            _LOG.warning(
                "%s cannot be scanned: %s",
                cgroup.path,
                error,
                extra=about(tracked.keys, reason=UNREADABLE, error=str(error)),
            )
            return None, Remark("Failed", f"The container's processes cannot be listed: {error}")
        if outcome.failure and (tracked.outcome is None or not tracked.outcome.failure):
            _LOG.warning(
                "%s: processes were not changed: %s",
                cgroup.path,
                outcome.failure,
                extra=about(tracked.keys, reason="WriteFailed", error=outcome.failure),
            )
        return outcome, None

    async def _save_own(self) -> bool:
        try:
            await self.own.save()
        except sqlite3.Error as error:
            _LOG.warning(
                "processes' own scores are not saved, and not written over: %s",
                error,
                extra=about(reason=NOT_SAVED_REASON, error=str(error)),
            )
            return False
        return True

    def _way(self, inode: int, plan: ScorePlan) -> tuple[CommandLines, KernelWorker, Hashable]:
        """Choose whose command lines are read, by which worker, under which key."""
        left_out = self._left_out(inode) if plan.rules else None
        if left_out is not None:
            key: Hashable = (inode, left_out)
            if not self.commands.refuses(key):
                return CommandLines(left_out), self.commands, key
        return CommandLines(None), self.worker, inode

    def _stuck(self, tracked: TrackedContainer, key: Hashable, lines: CommandLines) -> Remark:
        lines.abandoned = True
        pid, cgroup = lines.reading_pid, tracked.container.cgroup
        if pid is None:
            return STUCK
        _LOG.warning(
            "%s: the command line of process %d cannot be read in time",
            cgroup.path,
            pid,
            extra=about(tracked.keys, pid=pid, reason="Stuck"),
        )
        hung = self._hung.setdefault(cgroup.inode, {})
        hung[pid] = _Hung(key, self.clock() + LEFT_OUT_SECONDS)
        tracked.schedule.requeue_soon()
        return stuck_remark([pid])

    def _left_out(self, inode: int) -> frozenset[int] | None:
        """Return the pids to be passed over; None: all."""
        now = self.clock()
        hung = {
            pid: each
            for pid, each in self._hung.pop(inode, {}).items()
            if self.commands.is_stuck(each.key) or now < each.until
        }
        if hung:
            self._hung[inode] = hung
        return None if len(hung) >= MAX_LEFT_OUT else frozenset(hung)


def _timed(work: Callable[[], ScanOutcome]) -> tuple[ScanOutcome, float]:
    """Return the processor time of this thread as well, in seconds."""
    began = time.thread_time()
    return work(), time.thread_time() - began
