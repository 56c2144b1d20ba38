"""The books on disk: what changed since it was saved, in one transaction with new records."""

import json
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from oomwarden.agent.delivery import intake
from oomwarden.agent.delivery.outbox import OutboxRow
from oomwarden.agent.recording import agent_kills as own_pods
from oomwarden.agent.recording.settler import SettledIncident, Settler
from oomwarden.agent.store import checkpoints
from oomwarden.agent.store import pods as known_pods
from oomwarden.agent.store.checkpoints import Checkpoint
from oomwarden.agent.store.counters import add_count
from oomwarden.agent.store.database import Database, mark_initialised
from oomwarden.core.incidents.agent_kills import event_remedy, of_agents
from oomwarden.core.kernel_log.position import Position
from oomwarden.core.ledger.account import Account
from oomwarden.core.model.cgroup import Level
from oomwarden.core.model.pod import PodFacts
from oomwarden.core.quota.pressure import Pressure
from oomwarden.core.records import event
from oomwarden.core.records import oomkill as record


@dataclass(slots=True)
class Settled:
    """What settling told, and how many kills nobody can place."""

    incidents: list[SettledIncident] = field(default_factory=list)
    unattributed: int = 0
    before_start: int | None = None  # of the first books of a store: kills from before its time


@dataclass(slots=True)
class Checkpointer:
    """Writes checkpoints, the pods' names and records; knows what it wrote last.

    `pressure` tells how hard records are merged.
    """

    settler: Settler
    store: Database
    pressure: Callable[[], Pressure]
    _pruned: list[int] = field(default_factory=list)
    _saved: dict[int, Checkpoint] = field(default_factory=dict)
    _pods: dict[str, PodFacts] = field(default_factory=dict)
    _bare: dict[str, tuple[PodFacts, PodFacts]] = field(default_factory=dict)
    _read_to: Position | None = None

    async def save(self, settled: Settled) -> int:
        """Tell the agent's own log first of all, then store what is new; gives how many records.

        Raises:
            sqlite3.Error: nothing was stored; the counters still owe what was to be told.
        """
        agents = {pod.uid for pod in self.settler.identity.agents}
        rows = [_row(one, agents) for one in settled.incidents]
        for row in rows:
            sys.stdout.write(json.dumps({"oomkill": row.kill}) + "\n")
        sys.stdout.flush()
        boot, read_to = self.settler.identity.boot_id, self.settler.log.position
        live = self._live_pods()
        changed, pods = self._changed(), self._changed_pods(live)
        pruned, self._pruned = self._pruned, []
        gone = self._pods.keys() - live.keys() if pruned else set()
        first = settled.before_start is not None
        own = of_agents(agents, ((t.incident, t.witness.before) for t in settled.incidents))
        pressure = self.pressure()
        news = rows or changed or pods or pruned or settled.unattributed or first
        if not news and read_to == self._read_to:
            return 0

        def commit(db: sqlite3.Connection) -> None:
            checkpoints.save(db, boot, changed)
            checkpoints.forget(db, boot, pruned)
            checkpoints.save_log_position(db, boot, read_to)
            known_pods.save(db, boot, pods)
            known_pods.forget(db, gone)
            intake.enqueue(db, time.time(), rows, pressure)
            own_pods.save(db, own)
            add_count(db, "unattributed", settled.unattributed)
            add_count(db, "beforeStart", settled.before_start or 0)
            if first:
                mark_initialised(db)

        await self.store.run(commit)
        self._read_to = read_to
        self._saved.update({known.cgroup.inode: known for known in changed})
        self._pods.update({facts.cgroup_uid: facts for facts in pods})
        for inode in pruned:
            self._saved.pop(inode, None)
        for uid in gone:
            self._pods.pop(uid, None)
        return len(rows)

    def forget(self, inodes: Iterable[int]) -> None:
        """Drop the checkpoints of cgroups that were removed, at the next `save`."""
        self._pruned += inodes

    def _changed(self) -> list[Checkpoint]:
        names = self.settler.names()
        return [
            Checkpoint(account.cgroup, account.epoch, account.recorded, names.get(inode))
            for inode, account in self.settler.ledger.accounts.items()
            if not _is_saved(self._saved.get(inode), account, names.get(inode))
        ]

    def _live_pods(self) -> dict[str, PodFacts]:
        """Give the pods in the books as they are kept: the same objects while nothing changes."""
        inventory, accounts = self.settler.inventory, self.settler.ledger.accounts.values()
        pods = (inventory.pod(a.cgroup) for a in accounts if a.cgroup.level is Level.POD)
        known = {facts.cgroup_uid: facts for facts in pods if facts is not None}
        before, self._bare = self._bare, {}
        for uid, facts in known.items():
            was = before.get(uid)
            same = was is not None and was[0] is facts
            self._bare[uid] = was if was is not None and same else (facts, known_pods.bare(facts))
        return {uid: kept for uid, (_, kept) in self._bare.items()}

    def _changed_pods(self, live: dict[str, PodFacts]) -> list[PodFacts]:
        return [
            now for uid, now in live.items()
            if (was := self._pods.get(uid)) is not now and was != now
        ]  # fmt: skip


def _is_saved(saved: Checkpoint | None, account: Account, name: str | None) -> bool:
    return saved is not None and (saved.booked, saved.epoch, saved.name, saved.cgroup) == (
        account.recorded, account.epoch, name, account.cgroup
    )  # fmt: skip


def _row(told: SettledIncident, agents: AbstractSet[str]) -> OutboxRow:
    kill = record.oom_kill(told.incident, told.witness)
    remedy = event_remedy(told.incident) if told.incident.pod.uid in agents else ""
    about = event.event(told.incident, kill, time.time(), remedy)
    key = f"{kill['metadata']['namespace']}/{kill['metadata']['name']}"
    return OutboxRow(key, kill, about)
