"""Recording: from counter readings to records, each in one transaction with its checkpoint.

The steps, in order: apply a batch to the ledger -> note the pods with unrecorded kills -> once
their counters rest, read the kernel log -> settle -> write the agent's log -> store -> wake the
delivery.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from oomwarden.agent.detection.batch import Batch
from oomwarden.agent.informers.inventory import Container
from oomwarden.agent.recording.checkpointer import Checkpointer, Settled
from oomwarden.agent.recording.completeness import Completeness
from oomwarden.agent.recording.kill_log import log_unattributed
from oomwarden.agent.recording.kill_progress import KillProgress
from oomwarden.agent.recording.levels import REST_SECONDS, LevelSettler
from oomwarden.agent.recording.recovery import ListRecorded, Recovery
from oomwarden.agent.recording.settler import Settler
from oomwarden.agent.store.database import Database
from oomwarden.core.incidents.incident import Incident
from oomwarden.core.ledger.account import Account
from oomwarden.core.ledger.late_opening import limit_to_parent
from oomwarden.core.ledger.settling import PendingKill, SettleQueue
from oomwarden.core.ledger.unread_kills import unread_below
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.quota.pressure import Pressure
from oomwarden.kernel.cgroup.files import CgroupRoot

UNLISTED_POD_SECONDS = 600.0
"""The same for a pod whose cgroup still exists."""
UNKNOWN_CONTAINER_SECONDS = 10.0
"""How long the name of a container is waited for."""
_ORDER = (Level.POD, Level.QOS, Level.KUBEPODS)


@dataclass(slots=True)
class Recorder:
    """Keeps the ledger: batches become records.

    Attributes:
        settler: Makes incidents of a pod's unrecorded kills.
        store: Where checkpoints and records are kept, in one transaction.
        cgroups: Shows how far the kernel has got with a group kill.
        list_recorded: Returns what the API server keeps of this node, for a new store.
        pressure: Returns how hard records are merged.
        enqueued: Called when the outbox has new rows.
        observers: Called with each incident once it is stored.
        kills: Kills recorded since the start.
        progress: Time of the last turn of the loop (`time.monotonic`).
    """

    settler: Settler
    store: Database
    cgroups: CgroupRoot
    list_recorded: ListRecorded
    pressure: Callable[[], Pressure]
    enqueued: Callable[[], None]
    observers: Sequence[Callable[[Incident], None]]
    pending: SettleQueue = field(default_factory=SettleQueue)
    progress: float = 0.0
    kills: int = 0
    _batch: Batch = field(default_factory=lambda: Batch(0.0))
    _recovery: Recovery = field(init=False)
    _checkpointer: Checkpointer = field(init=False)
    _completeness: Completeness = field(init=False)
    _progress: KillProgress = field(init=False)
    _levels: LevelSettler = field(init=False)
    _before: float = 0.0  # when the reads of the batch before this one began

    def __post_init__(self) -> None:
        self._recovery = Recovery(self.settler, self.store, self.list_recorded, self._tick)
        self._checkpointer = Checkpointer(self.settler, self.store, self.pressure)
        self._completeness = Completeness(self.settler)
        self._progress = KillProgress(self.settler.ledger, self.cgroups)
        self._levels = LevelSettler(self.settler, self.pending, self._completeness)

    async def run(self, queue: "asyncio.Queue[Batch]") -> None:
        """Record until cancelled."""
        await self._recovery.load()
        self._apply(await queue.get())
        self._recovery.restore_removed()
        if self.store.is_new:
            first = await self._recovery.rebuild()
            self._drop_settled()
            await self._save(first)
            self.settler.mark_rebuilt(self._completeness.unrecorded())
        self._completeness.start()
        while True:
            await self._settle_due()
            self._tick()
            patience = self.pending.timeout(time.monotonic())
            try:
                async with asyncio.timeout(patience):
                    batch = await queue.get()
            except TimeoutError:
                continue
            await self._apply_waiting(batch, queue)

    async def _apply_waiting(self, batch: Batch, queue: "asyncio.Queue[Batch]") -> None:
        """Apply every batch that waits: settling before them could cut one kill in two."""
        while True:
            self._apply(batch)
            if batch.reconciled:
                self.settler.ledger.discard_idle_oom()
                await self._save(Settled())
            if queue.empty():
                return
            batch = queue.get_nowait()

    def _tick(self) -> None:
        self.progress = time.monotonic()

    def _apply(self, batch: Batch) -> None:
        ledger, now = self.settler.ledger, time.monotonic()
        self._before = self._batch.began
        self._batch, existed = batch, self._recovery.existed_before(batch)
        for cgroup, parent in batch.appeared:
            self._open(cgroup, parent, now, existed=cgroup.inode in existed)
        moved = [reading.inode for reading in batch.readings if ledger.observe(reading)]
        for inode in batch.late:
            limit_to_parent(ledger, inode)
        for account in (ledger.accounts[inode] for inode in dict.fromkeys(moved)):
            if account.unrecorded.oom_kill > 0 or not batch.late:  # else a level above records it
                self._note_unrecorded(account, now)
        for reading in batch.readings:
            self._keep_limit(reading.inode)
        self._forget(ledger.prune())  # before its own removals: their parents were read earlier
        self._forget(self._levels.observe(batch))
        for cgroup in batch.vanished:
            ledger.mark_gone(cgroup.inode)
            self.settler.remove(cgroup)
        self._completeness.observe(batch)
        self._release_log()

    def _release_log(self) -> None:
        """Drop log lines of kills that are all counted and recorded."""
        unrecorded = self._completeness.unrecorded()
        if not self.pending.pods and not unrecorded:
            self.settler.log.discard_before(self._batch.began)
            self._completeness.reset()
        else:
            self.settler.log.release_before(self._levels.counted_from(unrecorded))

    def _open(self, cgroup: Cgroup, parent: int | None, now: float, *, existed: bool) -> None:
        known = self._recovery.saved.pop(cgroup.inode, None)
        account = self.settler.ledger.open(cgroup, parent, known.recorded if known else None)
        account.epoch = known.epoch if known else account.epoch
        if cgroup.level is Level.CONTAINER:
            container = Container(cgroup, now, known.name if known else None, existed=existed)
            self.settler.inventory.add(container)

    def _note_unrecorded(self, account: Account, now: float) -> None:
        level = account.cgroup.level
        pod = account.parent if level is Level.CONTAINER else account.cgroup.inode
        if pod is not None and level in {Level.POD, Level.CONTAINER}:
            group = account.unrecorded.oom_group_kill > 0
            after, ended = self._batch.after, self._batch.ended
            pending = self.pending.touch(pod, now, after, ended, group=group)
            pending.since = pending.since or self._before

    def _keep_limit(self, inode: int) -> None:
        container = self.settler.inventory.containers.get(inode)
        account = self.settler.ledger.accounts.get(inode)
        if container is not None and account is not None:
            self.settler.inventory.set_limit(container, account.limit)

    def _forget(self, closed: list[int]) -> None:
        for inode in closed:
            self.settler.removed.pop(inode, None)
            self.pending.pods.pop(inode, None)
        self._levels.unread.forget(closed)
        self._checkpointer.forget(closed)

    def _drop_settled(self) -> None:
        for inode in self.pending.pods.keys() - self._completeness.unrecorded():
            del self.pending.pods[inode]

    async def _settle_due(self) -> None:
        now, log = time.monotonic(), self.settler.log
        self._levels.note(now, self._batch)
        due = self.pending.due(now, log.next_allowed, self._ready)
        if not due:
            return
        await log.refresh()
        settled = Settled()
        self.settler.begin_round()
        accounts = self.settler.ledger.accounts
        for inode in sorted(due, key=lambda one: _ORDER.index(accounts[one].cgroup.level)):
            self._settle(inode, now, settled)
        self._release_log()  # stored with the records, so that no later agent uses their lines
        await self._save(settled)

    def _settle(self, inode: int, now: float, settled: Settled) -> None:
        pending = self.pending.pods[inode]
        if self._completeness.is_waiting(inode, pending, now):
            self.pending.defer(inode, now)
            return
        if self.settler.ledger.accounts[inode].cgroup.level is Level.POD:
            incidents, unnamed = self._settle_pod(inode, pending)
        else:
            incidents, unnamed = self._levels.settle(inode, now)
        settled.incidents += incidents
        settled.unattributed += unnamed

    def _settle_pod(self, inode: int, pending: PendingKill) -> tuple[list[Incident], int]:
        ledger, complete = self.settler.ledger, self._completeness.is_complete(inode)
        before = unread_below(ledger, inode)
        found = self.settler.settle_pod(inode, pending, complete=complete)
        recorded = before - unread_below(ledger, inode)
        self._levels.unread.record(inode, recorded, unexplained=0)
        del self.pending.pods[inode]
        return found

    def _ready(self, inode: int) -> bool:
        """Return whether a pod or level can be settled now.

        A pod or container that the API server has not listed yet is waited for, within bounds.
        """
        settler, now = self.settler, time.monotonic()
        account, waited = settler.ledger.accounts[inode], now - self.pending.pods[inode].first
        if account.cgroup.level is not Level.POD:
            return True
        if self._progress.is_in_progress(account, self.pending.pods[inode], now):
            return False
        if settler.inventory.pod(account.cgroup) is None:
            patience = REST_SECONDS if account.gone else UNLISTED_POD_SECONDS
            return settler.inventory.synced and waited > patience
        return waited > UNKNOWN_CONTAINER_SECONDS or settler.all_named(inode)

    async def _save(self, settled: Settled) -> None:
        self.kills += sum(one.kills for one in settled.incidents)
        if settled.unattributed:
            log_unattributed(settled.unattributed)
        if await self._checkpointer.save(settled):
            self.enqueued()
        for one in settled.incidents:
            for observer in self.observers:
                observer(one)
