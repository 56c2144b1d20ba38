"""Bookkeeping: from readings to records, each in one transaction with its checkpoint.

The steps, in order: take a batch -> note who owes kills -> once its counters have been still,
read the kernel log -> settle -> tell the agent's log -> store -> wake the delivery.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from oomwarden.agent.detection.batch import Batch
from oomwarden.agent.informers.inventory import Container
from oomwarden.agent.recording.checkpointer import Checkpointer, Settled
from oomwarden.agent.recording.completeness import Completeness
from oomwarden.agent.recording.kill_progress import GroupKillProbe, KillProgress
from oomwarden.agent.recording.recovery import ListRecorded, Recovery
from oomwarden.agent.recording.settler import SettledIncident, Settler
from oomwarden.agent.store.database import Database
from oomwarden.core.ledger.account import Account
from oomwarden.core.ledger.late_opening import adopt
from oomwarden.core.ledger.ledger import unsettled_below
from oomwarden.core.ledger.settling import SettleQueue
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.quota.pressure import Pressure

UNKNOWN_POD_SECONDS = 60.0
UNLISTED_POD_SECONDS = 600.0
UNKNOWN_CONTAINER_SECONDS = 10.0
_ORDER = (Level.POD, Level.QOS, Level.KUBEPODS)
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Recorder:
    """Keeps the ledger: batches become records.

    Attributes:
        settler: Makes incidents of a pod's unrecorded kills.
        store: Where checkpoints and records are kept, in one transaction.
        probe: Shows how far the kernel has got with a group kill.
        list_recorded: Returns what the API server keeps of this node, for a new store.
        pressure: Returns how hard records are merged.
        enqueued: Called when the outbox has new rows.
        observers: Called with each incident once it is stored.
        kills: Kills recorded since the start.
        progress: Time of the last turn of the loop (`time.monotonic`).
    """

    settler: Settler
    store: Database
    probe: GroupKillProbe
    list_recorded: ListRecorded
    pressure: Callable[[], Pressure]
    enqueued: Callable[[], None]
    observers: Sequence[Callable[[SettledIncident], None]]
    pending: SettleQueue = field(default_factory=SettleQueue)
    progress: float = 0.0
    kills: int = 0
    _batch: Batch = field(default_factory=lambda: Batch(0.0))
    _recovery: Recovery = field(init=False)
    _checkpointer: Checkpointer = field(init=False)
    _completeness: Completeness = field(init=False)
    _progress: KillProgress = field(init=False)

    def __post_init__(self) -> None:
        self._recovery = Recovery(self.settler, self.store, self.list_recorded, self._tick)
        self._checkpointer = Checkpointer(self.settler, self.store, self.pressure)
        self._completeness = Completeness(self.settler)
        self._progress = KillProgress(self.settler.ledger, self.probe)

    async def run(self, queue: "asyncio.Queue[Batch]") -> None:
        """Keep the books for ever."""
        await self._recovery.load()
        self._take(await queue.get())
        self._recovery.restore_removed()
        if self.store.fresh:
            first = await self._recovery.rebuild()
            self._drop_settled()
            await self._save(first)
            self.settler.mark_rebuilt(self._completeness.unrecorded())
        self._completeness.start()
        while True:
            await self._settle_due()
            self._tick()
            patience = self.pending.timeout(asyncio.get_running_loop().time())
            try:
                async with asyncio.timeout(patience):
                    batch = await queue.get()
            except TimeoutError:
                continue
            await self._take_waiting(batch, queue)

    async def _take_waiting(self, batch: Batch, queue: "asyncio.Queue[Batch]") -> None:
        """Take every batch that waits: a kill that is settled before them would be cut in two."""
        while True:
            self._take(batch)
            if batch.reconciled:
                self.settler.ledger.discard_idle_oom()
                await self._save(Settled())
            if queue.empty():
                return
            batch = queue.get_nowait()

    def _tick(self) -> None:
        self.progress = time.monotonic()

    def _take(self, batch: Batch) -> None:
        ledger, now = self.settler.ledger, asyncio.get_running_loop().time()
        self._batch, existed = batch, self._recovery.existed_before(batch)
        for cgroup, parent in batch.appeared:
            self._open(cgroup, parent, now, existed=cgroup.inode in existed)
        moved = [reading.inode for reading in batch.readings if ledger.read(reading)]
        for inode in batch.late:
            adopt(ledger, inode)
        for account in (ledger.accounts[inode] for inode in dict.fromkeys(moved)):
            if account.unrecorded.oom_kill > 0 or not batch.late:  # else it is told above
                self._owe(account, now)
        for reading in batch.readings:
            self._keep_limit(reading.inode)
        self._prune()  # before this batch's own gone ones: their parents were read earlier
        for cgroup in batch.vanished:
            ledger.vanish(cgroup.inode)
            self.settler.remove(cgroup)
        self._completeness.observe(batch)
        self._balance(batch)

    def _balance(self, batch: Batch) -> None:
        """Once nothing is owed, no line of the log read before waits for a record."""
        if not self.pending.pods and not self._completeness.unrecorded():
            self.settler.log.balanced(batch.began)
            self._completeness.reset()

    def _open(self, cgroup: Cgroup, parent: int | None, now: float, *, existed: bool) -> None:
        known = self._recovery.saved.pop(cgroup.inode, None)
        account = self.settler.ledger.open(cgroup, parent, known.booked if known else None)
        account.epoch = known.epoch if known else account.epoch
        if cgroup.level is Level.CONTAINER:
            container = Container(cgroup, now, known.name if known else None, existed=existed)
            self.settler.inventory.containers[cgroup.inode] = container
            self.settler.inventory.appeared.set()

    def _owe(self, account: Account, now: float) -> None:
        level = account.cgroup.level
        pod = account.parent if level is Level.CONTAINER else account.cgroup.inode
        if pod is not None and level in {Level.POD, Level.CONTAINER}:
            group = account.unrecorded.oom_group_kill > 0
            self.pending.touch(pod, now, self._batch.after, self._batch.ended, group=group)

    def _keep_limit(self, inode: int) -> None:
        container = self.settler.inventory.containers.get(inode)
        account = self.settler.ledger.accounts.get(inode)
        if container is not None and account is not None:
            container.limit = account.limit

    def _prune(self) -> None:
        gone = self.settler.ledger.prune()
        for inode in gone:
            self.settler.removed.pop(inode, None)
            self.pending.pods.pop(inode, None)
        self._checkpointer.forget(gone)

    def _drop_settled(self) -> None:
        accounts = self.settler.ledger.accounts
        for inode in list(self.pending.pods):
            if accounts[inode].unrecorded.oom_kill <= 0:
                del self.pending.pods[inode]

    async def _settle_due(self) -> None:
        now, log = asyncio.get_running_loop().time(), self.settler.log
        self._bump_levels(now)
        due = self.pending.due(now, log.next_allowed, self._ready)
        if not due:
            return
        await log.refresh()
        settled = Settled()
        self.settler.begin_round()
        accounts = self.settler.ledger.accounts
        for inode in sorted(due, key=lambda one: _ORDER.index(accounts[one].cgroup.level)):
            self._settle(inode, now, settled)
        await self._save(settled)

    def _settle(self, inode: int, now: float, settled: Settled) -> None:
        owing, settler = self.pending.pods[inode], self.settler
        complete = self._completeness.is_complete(inode)
        if self._completeness.is_waiting(inode, owing, now):
            self.pending.postpone(inode, now)
            return
        if settler.ledger.accounts[inode].cgroup.level is Level.POD:
            told, unnamed = settler.settle_pod(inode, owing, complete=complete)
        elif unsettled_below(settler.ledger, inode) or (
            now - owing.first < UNKNOWN_POD_SECONDS and not settler.all_pods_known(inode)
        ):
            self.pending.postpone(inode, now)
            return
        else:
            told, unnamed = settler.settle_level(inode, owing, complete=complete)
        del self.pending.pods[inode]
        settled.incidents += told
        settled.unattributed += unnamed

    def _ready(self, inode: int) -> bool:
        """Wait for the API server's word on a new pod or container; on a gone one not for ever."""
        settler, waited = self.settler, self._waited(inode)
        account = settler.ledger.accounts[inode]
        if account.cgroup.level is not Level.POD:
            return not unsettled_below(settler.ledger, inode)
        now = asyncio.get_running_loop().time()
        if self._progress.is_in_progress(account, self.pending.pods[inode], now):
            return False
        if settler.inventory.pod(account.cgroup) is None:
            patience = UNKNOWN_POD_SECONDS if account.gone else UNLISTED_POD_SECONDS
            return settler.inventory.synced and waited > patience
        return waited > UNKNOWN_CONTAINER_SECONDS or settler.all_named(inode)

    def _waited(self, inode: int) -> float:
        return asyncio.get_running_loop().time() - self.pending.pods[inode].first

    def _bump_levels(self, now: float) -> None:
        """Note levels that owe more than anything below them: pods that went unread."""
        ledger, last = self.settler.ledger, self._batch
        if not self.settler.inventory.synced:
            return  # nobody could name their pods yet
        for level in (Level.QOS, Level.KUBEPODS):
            for account in [a for a in ledger.accounts.values() if a.cgroup.level is level]:
                inode, owes = account.cgroup.inode, account.unrecorded.oom_kill > 0
                if owes and inode not in self.pending.pods and not unsettled_below(ledger, inode):
                    self.pending.touch(inode, now, last.after, last.ended)

    async def _save(self, settled: Settled) -> None:
        self.kills += sum(one.incident.kills for one in settled.incidents)
        if settled.unattributed:
            _LOG.warning(
                "%d kills (by the kernel's oom_kill) are in no record: neither the counters, the "
                "kernel log nor the API server tell of which pod", settled.unattributed
            )  # fmt: skip
        if await self._checkpointer.save(settled):
            self.enqueued()
        for one in settled.incidents:
            for observer in self.observers:
                observer(one)
