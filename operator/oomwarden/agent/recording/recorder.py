"""Bookkeeping: from readings to records, each in one transaction with its checkpoint.

The steps, in order: take a batch -> note who owes kills -> once its counters have been still,
read the kernel log -> settle -> tell the agent's log -> store -> wake the delivery.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from oomwarden.agent.detection.batch import Batch
from oomwarden.agent.informers.inventory import Container
from oomwarden.agent.recording.checkpointer import Checkpointer, Settled
from oomwarden.agent.recording.doubts import Completeness
from oomwarden.agent.recording.recovery import Ask, Recovery
from oomwarden.agent.recording.settler import SettledIncident, Settler
from oomwarden.agent.store.database import Database
from oomwarden.core.ledger.account import Account
from oomwarden.core.ledger.late_opening import adopt
from oomwarden.core.ledger.ledger import unsettled_below
from oomwarden.core.ledger.settling import SettleQueue
from oomwarden.core.ledger.torn_reads import is_half_counted
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.quota.pressure import CALM, Pressure

UNKNOWN_POD_SECONDS = 60.0
UNLISTED_POD_SECONDS = 600.0
UNKNOWN_CONTAINER_SECONDS = 10.0
_ORDER = (Level.POD, Level.QOS, Level.KUBEPODS)
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Recorder:
    """Keeps the ledger; `recorded` is called when the outbox has new rows, `told` for each record.

    `ask` tells what the API server keeps of this node when the store is new; `empty`: whether a
    container's cgroup holds no process any more; `as_group`: whether it is killed as a whole, and
    that is counted; `counted`: how many kills a pod's counter shows at this moment; `pressure`: how
    hard records are merged.
    """

    settler: Settler
    store: Database
    recorded: Callable[[], None]
    ask: Ask
    pressure: Callable[[], Pressure] = field(default=lambda: CALM)
    told: Callable[[SettledIncident], None] = field(default=lambda _: None)
    empty: Callable[[Cgroup], bool] = field(default=lambda _: True)
    as_group: Callable[[Cgroup], bool] = field(default=lambda _: False)
    counted: Callable[[Cgroup], int] = field(default=lambda _: 0)
    closing: SettleQueue = field(default_factory=SettleQueue)
    progress: float = 0.0
    kills: int = 0
    _last: Batch = field(default_factory=lambda: Batch(0.0))
    _first: Recovery = field(init=False)
    _disk: Checkpointer = field(init=False)
    _doubts: Completeness = field(init=False)

    def __post_init__(self) -> None:
        self._first = Recovery(self.settler, self.store, self.ask, self._tick)
        self._disk = Checkpointer(self.settler, self.store, self.pressure)
        self._doubts = Completeness(self.settler)

    async def run(self, queue: "asyncio.Queue[Batch]") -> None:
        """Keep the books for ever."""
        await self._first.load()
        self._take(await queue.get())
        self._first.recall_gone()
        if self.store.fresh:
            first = await self._first.rebuild()
            self._drop_settled()
            await self._save(first)
            self.settler.rebuilt_pods = self._doubts.owing()
        self._doubts.begin()
        while True:
            await self._settle_due()
            self._tick()
            patience = self.closing.timeout(asyncio.get_running_loop().time())
            try:
                async with asyncio.timeout(patience):
                    batch = await queue.get()
            except TimeoutError:
                continue
            self._take(batch)
            if self._last.reconciled:
                self.settler.ledger.discard_idle_oom()
                await self._save(Settled())

    def _tick(self) -> None:
        self.progress = time.monotonic()

    def _take(self, batch: Batch) -> None:
        ledger, now = self.settler.ledger, asyncio.get_running_loop().time()
        self._last, existed = batch, self._first.existed(batch)
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
            self.settler.depart(cgroup)
        self._doubts.take(batch)
        self._balance(batch)

    def _balance(self, batch: Batch) -> None:
        """Once nothing is owed, no line of the log read before waits for a record."""
        if not self.closing.pods and not self._doubts.owing():
            self.settler.log.balanced(batch.began)
            self._doubts.forget()

    def _open(self, cgroup: Cgroup, parent: int | None, now: float, *, existed: bool) -> None:
        known = self._first.saved.pop(cgroup.inode, None)
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
            self.closing.touch(pod, now, self._last.after, self._last.ended, group=group)

    def _keep_limit(self, inode: int) -> None:
        container = self.settler.inventory.containers.get(inode)
        account = self.settler.ledger.accounts.get(inode)
        if container is not None and account is not None:
            container.limit = account.limit

    def _prune(self) -> None:
        gone = self.settler.ledger.prune()
        for inode in gone:
            self.settler.departed.pop(inode, None)
            self.closing.pods.pop(inode, None)
        self._disk.pruned += gone

    def _drop_settled(self) -> None:
        accounts = self.settler.ledger.accounts
        for inode in list(self.closing.pods):
            if accounts[inode].unrecorded.oom_kill <= 0:
                del self.closing.pods[inode]

    async def _settle_due(self) -> None:
        now, log = asyncio.get_running_loop().time(), self.settler.log
        self._bump_levels(now)
        due = self.closing.due(now, log.next_allowed, self._ready)
        if not due:
            return
        await log.refresh()
        settled = Settled()
        self.settler.pods_without_own_oom = self.settler.without_own_oom()
        accounts = self.settler.ledger.accounts
        for inode in sorted(due, key=lambda one: _ORDER.index(accounts[one].cgroup.level)):
            self._settle(inode, now, settled)
        await self._save(settled)

    def _settle(self, inode: int, now: float, settled: Settled) -> None:
        owing, settler = self.closing.pods[inode], self.settler
        complete = self._doubts.is_complete(inode)
        if self._doubts.awaits(inode, owing, now):
            self.closing.postpone(inode, now)
            return
        if settler.ledger.accounts[inode].cgroup.level is Level.POD:
            told, unnamed = settler.pod(inode, owing, complete=complete)
        elif unsettled_below(settler.ledger, inode) or (
            now - owing.first < UNKNOWN_POD_SECONDS and not settler.all_pods_known(inode)
        ):
            self.closing.postpone(inode, now)
            return
        else:
            told, unnamed = settler.level(inode, owing, complete=complete)
        del self.closing.pods[inode]
        settled.told += told
        settled.unattributed += unnamed

    def _ready(self, inode: int) -> bool:
        """Wait for the API server's word on a new pod or container; on a gone one not for ever."""
        settler, waited = self.settler, self._waited(inode)
        account = settler.ledger.accounts[inode]
        if account.cgroup.level is not Level.POD:
            return not unsettled_below(settler.ledger, inode)
        if self._goes_on(account):
            return False
        if settler.inventory.pod(account.cgroup) is None:
            patience = UNKNOWN_POD_SECONDS if account.gone else UNLISTED_POD_SECONDS
            return settler.inventory.synced and waited > patience
        return waited > UNKNOWN_CONTAINER_SECONDS or settler.all_named(inode)

    def _goes_on(self, pod: Account) -> bool:
        """Whether a kill in a pod has begun and not ended."""
        owing, now = self.closing.pods[pod.cgroup.inode], asyncio.get_running_loop().time()
        containers = self.settler.ledger.children(pod.cgroup.inode)
        ahead = (
            sum(container.unrecorded.oom_kill for container in containers) > pod.unrecorded.oom_kill
        )
        struck = [c for c in containers if c.unrecorded.oom_kill > 0 and not c.gone]
        groups = [c.cgroup for c in struck if c.unrecorded.oom_group_kill > 0]
        rest = [c.cgroup for c in struck if c.unrecorded.oom_group_kill <= 0]
        begun = [c for c in rest if owing.is_group(c.inode, partial(self.as_group, c))]
        populated = not all(map(self.empty, groups + begun))
        half = is_half_counted(pod, containers) and self._kills_groups()
        unread = owing.group and self.counted(pod.cgroup) > pod.observed.oom_kill  # asked last
        return owing.is_in_progress(
            now,
            pod.unrecorded,
            begun=ahead or bool(begun) or half,
            populated=populated,
            unread=unread,
        )

    def _kills_groups(self) -> bool:
        """Whether the kubelet sets memory.oom.group, as far as a kill has shown it."""
        accounts = self.settler.ledger.accounts.values()
        return any(
            one.observed.oom_group_kill > 0
            for one in accounts
            if one.cgroup.level is Level.KUBEPODS
        )

    def _waited(self, inode: int) -> float:
        return asyncio.get_running_loop().time() - self.closing.pods[inode].first

    def _bump_levels(self, now: float) -> None:
        """Note levels that owe more than anything below them: pods that went unread."""
        ledger, last = self.settler.ledger, self._last
        if not self.settler.inventory.synced:
            return  # nobody could name their pods yet
        for level in (Level.QOS, Level.KUBEPODS):
            for account in [a for a in ledger.accounts.values() if a.cgroup.level is level]:
                inode, owes = account.cgroup.inode, account.unrecorded.oom_kill > 0
                if owes and inode not in self.closing.pods and not unsettled_below(ledger, inode):
                    self.closing.touch(inode, now, last.after, last.ended)

    async def _save(self, settled: Settled) -> None:
        self.kills += sum(one.incident.kills for one in settled.told)
        if settled.unattributed:
            _LOG.warning(
                "%d kills (by the kernel's oom_kill) are in no record: neither the counters, the "
                "kernel log nor the API server tell of which pod", settled.unattributed
            )  # fmt: skip
        if await self._disk.save(settled):
            self.recorded()
        for one in settled.told:
            self.told(one)
