"""memory.groupKill: memory.oom.group of containers follows the policies, and is put back.

The steps, in order: read the file of each container that is concerned -> save what was found ->
write where it differs from what is asked -> report. Every step reads all files again: systemd
writes its own value when it is reloaded (systemd src/core/cgroup.c).
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from msgspec.structs import replace

from oomwarden.agent.baselines.oom_group import GroupKillBaselines
from oomwarden.agent.enforcement.desired_group_kills import (
    AskedGroupKills,
    DesiredGroupKills,
    desired_by,
    desired_for,
)
from oomwarden.agent.enforcement.tracked import TrackedContainer
from oomwarden.agent.enforcement.tracker import Tracker
from oomwarden.agent.informers.inventory import Container, container_keys
from oomwarden.agent.runtime.pace import ReconcilePacer
from oomwarden.agent.runtime.signal import Signal
from oomwarden.agent.runtime.ticks import until_tick
from oomwarden.agent.runtime.worker import KernelWorker, StuckError
from oomwarden.core.enforcement.group_files import GroupFiles
from oomwarden.core.enforcement.group_kill import (
    NOT_SAVED,
    GroupKillSpec,
    GroupKillState,
    group_kill_status,
    observed_remarks,
    write_failed,
)
from oomwarden.core.log_line.keys import NOT_SAVED_REASON, LogKeys, about
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.remark import AspectStatus, Remarks
from oomwarden.core.policy.matching import Match
from oomwarden.kernel.cgroup import oom_group
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.oom_group import OomGroupFiles

STEP_SECONDS = 5.0
YOUNG_SECONDS = 30.0
YOUNG_STEP_SECONDS = 1.0
"""While a container starts, the runtime's write may come after oomwarden's."""
IDLE_SECONDS = 30.0
"""Where no policy asks for anything: only a sign of life, since decisions set the signal."""
_ALL = 0
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class GroupKillReconciler:
    """Reconciles memory.oom.group of every container with the policies.

    Attributes:
        tracker: The containers and how the policies stand on them.
        baselines: What the files were before the first write.
        cgroups: The cgroup file system.
        changed: Set when containers were evaluated again.
        status_changed: Called when OOMNode may have to say something else.
        writes: Whether the chart lets the agents write to cgroups.
        progress: Time of the last step (`time.monotonic`).
        repairs: How often another program had changed what a policy asks for.
    """

    tracker: Tracker
    baselines: GroupKillBaselines
    cgroups: CgroupRoot
    changed: Signal
    status_changed: Callable[[], None]
    writes: bool
    worker: KernelWorker = field(default_factory=partial(KernelWorker, "group-kill"))
    progress: float = 0.0
    repairs: int = 0
    _states: dict[int, GroupKillState] = field(default_factory=dict)
    _files: OomGroupFiles = field(init=False)
    _asked: AskedGroupKills = field(default_factory=AskedGroupKills)
    _pace: ReconcilePacer = field(default_factory=ReconcilePacer)

    def __post_init__(self) -> None:
        self._files = OomGroupFiles(self.cgroups)

    @property
    def applied(self) -> frozenset[int]:
        """The containers, by inode, in which oomwarden's value can be put back."""
        return self.baselines.applied() if self.writes else frozenset()

    @property
    def unrestorable(self) -> int:
        """How many containers keep oomwarden's value because the agents may not write."""
        return 0 if self.writes else len(self.baselines.applied())

    async def run(self) -> None:
        """Reconcile until cancelled. Baselines must have been loaded before."""
        while True:
            with self._pace:
                young = await self.step()
            await self._pace.rest()
            patience = YOUNG_STEP_SECONDS if young else STEP_SECONDS
            await self.changed.set_within(until_tick(patience if self._states else IDLE_SECONDS))

    async def step(self) -> bool:
        """Reconcile all containers that are concerned; return whether one of them is young."""
        self.changed.clear()
        before = (dict(self._states), self.baselines.applied())
        concerned = self._concerned()
        if (concerned or self._states) and not self.worker.refuses(_ALL):
            await self._read(concerned)
        await self._save()
        for inode, (container, wish) in concerned.items():
            await self._reconcile(inode, container, wish)
        self.progress = time.monotonic()
        if (self._states, self.baselines.applied()) != before:
            self.status_changed()
        return any(wish.desired is not None and self._is_young(c) for c, wish in concerned.values())

    def _concerned(self) -> DesiredGroupKills:
        """Return what has to be read: what a policy asks for, and what may have to be put back."""
        asked = self._asked.current(self.tracker)
        kept = {inode: asked[inode] for inode in self.baselines.applied() if inode in asked}
        back = {i: each for i, each in kept.items() if self.baselines.get(each[0]) is not None}
        return {**self._asked.relevant, **back}

    async def _read(self, concerned: DesiredGroupKills) -> None:
        cgroups = [container.cgroup for container, _ in concerned.values()]
        starting = {i for i, (container, _) in concerned.items() if self._is_young(container)}
        try:
            read = await self.worker.run(_ALL, partial(self._files.read, cgroups, starting))
        except StuckError:
            self._files.abandoned, self._files = True, OomGroupFiles(self.cgroups)
            return
        states: dict[int, GroupKillState] = {}
        for inode, files in read.items():
            (container, wish), now = concerned[inode], files.is_group_kill
            young, found = self._is_young(container), self.baselines.get(container)
            found = found.completed(files) if found else None
            known = GroupKillState(now, found.is_group_kill if found else None)
            before = self._states.get(inode)
            left = before.current if before else None
            wished = wish if self.writes else GroupKillSpec()
            states[inode] = known.observe(wished, now=now, young=young, left=left)
            self._note_repair(container, wish, now=now, young=young)
            self.baselines.record(container, _kept(states[inode], known, files, found))
        self._states = states

    def _note_repair(
        self, container: Container, wish: GroupKillSpec, *, now: bool, young: bool
    ) -> None:
        before = self._states.get(container.cgroup.inode)
        if young or not self.writes or before is None or wish.desired is None:
            return
        if before.current == wish.desired != now:
            self.repairs += 1
            _LOG.info(
                "%s: another program has changed memory.oom.group, which is set again",
                container.cgroup.path,
                extra=about(self._keys(container), reason="GroupKillChanged"),
            )

    async def _save(self) -> None:
        try:
            await self.baselines.save()
        except sqlite3.Error as error:
            _LOG.warning(
                "memory.oom.group could not be saved, so it is not written yet: %s",
                error,
                extra=about(reason=NOT_SAVED_REASON, error=str(error)),
            )

    async def _reconcile(self, inode: int, container: Container, wish: GroupKillSpec) -> None:
        state = self._states.get(inode)
        if state is None:
            return
        aim = state.value_to_write(wish) if self.writes else None
        if aim is not None:
            if self.baselines.is_saved(container):
                files = self.baselines.get(container) if wish.desired is None else None
                state = await self._write(container, state, aim, files)
            else:
                state = replace(state, problem=NOT_SAVED)
            self._states[inode] = state
        if state.is_restored(wish):
            self.baselines.record(container, None)

    async def _write(
        self,
        container: Container,
        state: GroupKillState,
        aim: bool,  # noqa: FBT001 - the value to write
        files: GroupFiles | None,
    ) -> GroupKillState:
        """Write what is asked, or put back the files as they were found."""
        cgroup = container.cgroup
        work: Callable[[], bool] = partial(oom_group.write, self.cgroups, cgroup, enabled=aim)
        if files is not None:
            work = partial(_put_back, self.cgroups, cgroup, files)
        try:
            return replace(state, current=await self.worker.run(cgroup.inode, work))
        except (CgroupGoneError, StuckError):
            return state
        except OSError as error:
            _LOG.warning(
                "%s: memory.oom.group cannot be written: %s",
                cgroup.path,
                error,
                extra=about(self._keys(container), reason="WriteFailed", error=str(error)),
            )
            return replace(state, problem=write_failed(error))

    def _keys(self, container: Container) -> LogKeys:
        return container_keys(container, self.tracker.view.inventory.pod(container.cgroup))

    def _is_young(self, container: Container) -> bool:
        return not container.existed and time.monotonic() - container.seen < YOUNG_SECONDS

    def group_kill_status(
        self, tracked: TrackedContainer, switch: EnforcementMode | None
    ) -> AspectStatus:
        """Return how far memory.oom.group is what the container's policy asks for."""
        state = self._states.get(tracked.container.cgroup.inode)
        return group_kill_status(desired_for(tracked, switch), state, writes=self.writes)

    def observed_remarks(self, container: Container, observers: Sequence[Match]) -> list[Remarks]:
        """Return, for each policy that only observes, what would keep it from taking effect."""
        state = self._states.get(container.cgroup.inode)
        return [observed_remarks(desired_by(each), state, writes=self.writes) for each in observers]


def _kept(
    state: GroupKillState, known: GroupKillState, now: GroupFiles, found: GroupFiles | None
) -> GroupFiles | None:
    """Return what to remember as found: the earlier value, unless this is the first one."""
    if state.baseline is None:
        return None
    fresh = found is None or (
        state.baseline != known.baseline and state.baseline == now.is_group_kill
    )
    return now if fresh else found


def _put_back(root: CgroupRoot, cgroup: Cgroup, files: GroupFiles) -> bool:
    return oom_group.restore(root, cgroup, files).is_group_kill
