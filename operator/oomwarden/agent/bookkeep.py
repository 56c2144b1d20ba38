"""Bookkeeping: from readings to records, each in one transaction with its checkpoint.

The steps, in order: take a batch -> note which pods owe kills -> once a pod's counters have
been still, read the kernel log -> settle -> tell the agent's log -> store -> wake the delivery.
"""

import asyncio
import json
import sqlite3
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from oomwarden.agent import checkpoints, outbox
from oomwarden.agent.checkpoints import Checkpoint
from oomwarden.agent.counts import add_count
from oomwarden.agent.detect import Batch
from oomwarden.agent.inventory import Container
from oomwarden.agent.outbox import OutboxRow
from oomwarden.agent.settle import Settler, Told
from oomwarden.agent.store import Store
from oomwarden.core import event, record
from oomwarden.core.accounts import Account
from oomwarden.core.closing import Closing
from oomwarden.core.facts import Cgroup, Level
from oomwarden.core.ledger import unsettled_below

UNKNOWN_POD_SECONDS = 60.0
UNKNOWN_CONTAINER_SECONDS = 10.0


@dataclass(slots=True)
class Bookkeeper:
    """Keeps the ledger; `recorded` is called when the outbox has new rows."""

    settler: Settler
    store: Store
    recorded: Callable[[], None]
    closing: Closing = field(default_factory=Closing)
    progress: float = 0.0
    kills: int = 0
    last_batch: tuple[float, float] = (0.0, 0.0)
    _restored: dict[int, Checkpoint] = field(default_factory=dict)
    _saved: dict[int, Checkpoint] = field(default_factory=dict)
    _pruned: list[int] = field(default_factory=list)
    _top: int | None = None

    async def run(self, queue: "asyncio.Queue[Batch]") -> None:
        """Keep the books for ever."""
        boot = self.settler.place.boot_id
        self._restored = await self.store.run(lambda db: checkpoints.load(db, boot))
        read_to = await self.store.run(lambda db: checkpoints.log_position(db, boot))
        await self.settler.log.begin(None if self.store.fresh else read_to or 0.0)
        self._take(await queue.get())
        self._recall_gone()
        await self._first_books()
        while True:
            await self._settle_due()
            self.progress = time.monotonic()
            try:
                patience = self.closing.patience(asyncio.get_running_loop().time())
                self._take(await asyncio.wait_for(queue.get(), patience))
            except TimeoutError:
                continue

    def _take(self, batch: Batch) -> None:
        ledger, now = self.settler.ledger, asyncio.get_running_loop().time()
        self.last_batch = (batch.after, batch.ended)
        for cgroup, parent in batch.appeared:
            self._open(cgroup, parent, now)
        for reading in batch.readings:
            if ledger.read(reading):
                self._owe(ledger.accounts[reading.inode], batch, now)
            self._keep_limit(reading.inode)
        self._prune()  # before this batch's own gone ones: their parents were read earlier
        for cgroup in batch.vanished:
            ledger.vanish(cgroup.inode)
            self.settler.depart(cgroup)

    def _open(self, cgroup: Cgroup, parent: int | None, now: float) -> None:
        known = self._restored.pop(cgroup.inode, None)
        account = self.settler.ledger.open(cgroup, parent, known.booked if known else None)
        account.epoch = known.epoch if known else account.epoch
        if cgroup.level is Level.KUBEPODS:
            self._top = cgroup.inode
        if cgroup.level is Level.CONTAINER:
            existed = self.progress == 0.0
            container = Container(cgroup, now, known.name if known else None, existed=existed)
            self.settler.inventory.containers[cgroup.inode] = container
            self.settler.inventory.appeared.set()

    def _owe(self, account: Account, batch: Batch, now: float) -> None:
        level = account.cgroup.level
        pod = account.parent if level is Level.CONTAINER else account.cgroup.inode
        if pod is not None and level in {Level.POD, Level.CONTAINER}:
            self.closing.bump(pod, now, batch.after, batch.ended)

    def _keep_limit(self, inode: int) -> None:
        container = self.settler.inventory.containers.get(inode)
        account = self.settler.ledger.accounts.get(inode)
        if container is not None and account is not None:
            container.limit = account.limit

    def _prune(self) -> None:
        gone = self.settler.ledger.prune()
        for inode in gone:
            self.settler.departed.pop(inode, None)
        self._pruned += gone

    def _recall_gone(self) -> None:
        """Open the books of what went away while no agent ran: it may explain a shortfall."""
        ledger = self.settler.ledger
        by_path = {account.cgroup.path: inode for inode, account in ledger.accounts.items()}
        for inode, known in sorted(self._restored.items(), key=lambda one: one[1].cgroup.path):
            parent = by_path.get(known.cgroup.path.rpartition("/")[0])
            ledger.open(known.cgroup, parent, known.booked)
            ledger.vanish(inode)
            by_path.setdefault(known.cgroup.path, inode)
            if known.cgroup.level is Level.CONTAINER:
                self.settler.departed[inode] = Container(known.cgroup, 0.0, known.name)
        self._restored.clear()

    async def _first_books(self) -> None:
        """Without a store, what was counted before the start is a number, not records."""
        ledger = self.settler.ledger
        if not self.store.fresh or self._top is None:
            return
        before = ledger.accounts[self._top].seen.oom_kill
        for inode in ledger.accounts:
            ledger.write_off(inode)
        self.closing.pods.clear()
        await self.store.run(lambda db: add_count(db, "beforeStart", before))
        await self._save([], 0)

    async def _settle_due(self) -> None:
        now = asyncio.get_running_loop().time()
        log = self.settler.log
        due = self.closing.due(now, log.next_allowed, self._nameable)
        if due:
            await log.refresh()
        told: list[Told] = []
        unattributed = 0
        for pod in due:
            found, unnamed = self.settler.pod(pod, self.closing.pods.pop(pod))
            told, unattributed = told + found, unattributed + unnamed
        for level in self._owing_levels():
            found, unnamed = self.settler.level(level, *self.last_batch)
            told, unattributed = told + found, unattributed + unnamed
        if told or unattributed or due:
            await self._save(told, unattributed)

    def _nameable(self, pod: int) -> bool:
        """Wait for the API server's word on a new pod or container; on a gone one not for ever."""
        account = self.settler.ledger.accounts[pod]
        waited = asyncio.get_running_loop().time() - self.closing.pods[pod].first
        if self.settler.inventory.pod(account.cgroup) is None:
            return account.gone and waited > UNKNOWN_POD_SECONDS
        return waited > UNKNOWN_CONTAINER_SECONDS or self.settler.all_named(pod)

    def _owing_levels(self) -> list[int]:
        ledger = self.settler.ledger
        if not self.settler.inventory.synced:
            return []  # nobody could name their pods yet
        levels = [a for a in ledger.accounts.values() if a.cgroup.level is Level.QOS]
        levels += [a for a in ledger.accounts.values() if a.cgroup.level is Level.KUBEPODS]
        inodes = [a.cgroup.inode for a in levels if a.owed.oom_kill > 0]
        return [inode for inode in inodes if not unsettled_below(ledger, inode)]

    async def _save(self, told: list[Told], unattributed: int) -> None:
        """Tell the agent's own log first of all, then store records with their checkpoints."""
        rows = [_row(one) for one in told]
        for row in rows:
            sys.stdout.write(json.dumps({"oomkill": row.kill}) + "\n")
        sys.stdout.flush()
        self.kills += sum(one.incident.kills for one in told)
        boot, pruned = self.settler.place.boot_id, self._pruned
        changed, read_to = self._changed(), self.settler.log.told_to
        self._pruned = []

        def commit(db: sqlite3.Connection) -> None:
            checkpoints.save(db, boot, changed)
            checkpoints.forget(db, boot, pruned)
            checkpoints.save_log_position(db, boot, read_to)
            outbox.enqueue(db, time.time(), rows)
            add_count(db, "unattributed", unattributed)

        await self.store.run(commit)
        self._saved.update({known.cgroup.inode: known for known in changed})
        for inode in pruned:
            self._saved.pop(inode, None)
        if rows:
            self.recorded()

    def _changed(self) -> list[Checkpoint]:
        names = self.settler.names()
        accounts = self.settler.ledger.accounts.items()
        now = {i: Checkpoint(a.cgroup, a.epoch, a.booked, names.get(i)) for i, a in accounts}
        return [known for inode, known in now.items() if self._saved.get(inode) != known]


def _row(told: Told) -> OutboxRow:
    kill = record.oom_kill(told.incident, told.witness)
    about = event.event(told.incident, kill, time.time())
    key = f"{kill['metadata']['namespace']}/{kill['metadata']['name']}"
    return OutboxRow(key, kill, about)
