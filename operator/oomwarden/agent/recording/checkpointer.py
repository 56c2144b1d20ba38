"""The ledger on disk: what changed since it was saved, in one transaction with new records."""

import sqlite3
import time
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from msgspec import Struct, field

from oomwarden.agent.delivery import intake
from oomwarden.agent.recording import agent_kills
from oomwarden.agent.recording.kill_counts import kill_counts
from oomwarden.agent.recording.kill_log import KillLog
from oomwarden.agent.recording.settler import Settler
from oomwarden.agent.store import checkpoints
from oomwarden.agent.store import kill_counts as stored_counts
from oomwarden.agent.store import pods as stored_pods
from oomwarden.agent.store.checkpoints import Checkpoint
from oomwarden.agent.store.counters import add_count
from oomwarden.agent.store.database import Database, mark_initialised
from oomwarden.core.incidents.agent_kills import AgentKills, count_agent_kills, event_advice
from oomwarden.core.incidents.incident import Incident
from oomwarden.core.kernel_log.position import Position
from oomwarden.core.metrics.kill_count import KillCount
from oomwarden.core.model.cgroup import Level
from oomwarden.core.model.pod import PodFacts
from oomwarden.core.quota.pressure import Pressure
from oomwarden.core.records import event, oomkill
from oomwarden.core.records.outbox_row import OutboxRow


class Settled(Struct):
    """What settling has found.

    Attributes:
        incidents: What is to be recorded.
        unattributed: How many kills are of a pod that is not known.
        before_start: Only of a new store: how many kills are older than it.
    """

    incidents: list[Incident] = field(default_factory=list)
    unattributed: int = 0
    before_start: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it has found nothing."""
        return not self.incidents and not self.unattributed and self.before_start is None


class Delta(Struct, frozen=True):
    """What one transaction writes."""

    rows: list[OutboxRow]
    counts: list[KillCount]
    checkpoints: list[Checkpoint]
    pods: list[PodFacts]
    pruned: list[int]
    removed_pods: AbstractSet[str]
    read_to: Position
    own_kills: AgentKills
    unattributed: int
    before_start: int | None

    def write(self, db: sqlite3.Connection, boot_id: str, pressure: Pressure) -> None:
        """Write everything; the caller commits."""
        checkpoints.save(db, boot_id, self.checkpoints)
        checkpoints.forget(db, boot_id, self.pruned)
        checkpoints.save_log_position(db, boot_id, self.read_to)
        stored_pods.save(db, boot_id, self.pods)
        stored_pods.forget(db, self.removed_pods)
        intake.enqueue(db, time.time(), self.rows, pressure)
        stored_counts.add(db, self.counts)
        agent_kills.save(db, self.own_kills)
        add_count(db, "unattributed", self.unattributed)
        add_count(db, "beforeStart", self.before_start or 0)
        if self.before_start is not None:
            mark_initialised(db)


class Checkpointer(Struct):
    """Writes checkpoints, the pods' names and records; knows what it wrote last.

    Attributes:
        settler: Owns the ledger.
        store: Where all of it is written.
        pressure: Returns how hard records are merged.
    """

    settler: Settler
    store: Database
    pressure: Callable[[], Pressure]
    _log: KillLog = field(default_factory=KillLog)
    _pruned: list[int] = field(default_factory=list)
    _saved: dict[int, Checkpoint] = field(default_factory=dict)
    _pods: dict[str, PodFacts] = field(default_factory=dict)
    _bare: dict[str, tuple[PodFacts, PodFacts]] = field(default_factory=dict)
    _read_to: Position | None = None
    _versions: tuple[int, int, Position] | None = None  # of what is stored

    async def save(self, settled: Settled) -> int:
        """Write the records to the agent's log, then store what is new.

        Returns:
            How many records were stored.

        Raises:
            sqlite3.Error: nothing was stored; the kills stay unrecorded in the ledger.
        """
        versions = self._current_versions()
        if settled.is_empty and versions == self._versions:
            return 0  # nobody walks over thousands of accounts every few seconds for nothing
        delta = self._delta(settled)
        self._log.write(settled.incidents, delta.rows)
        if self._is_empty(delta):
            self._versions = versions
            return 0
        boot_id, pressure = self.settler.identity.boot_id, self.pressure()
        await self.store.run(lambda db: delta.write(db, boot_id, pressure))
        self._log.saved()
        self._acknowledge(delta)
        self._versions = versions
        return len(delta.rows)

    def _current_versions(self) -> tuple[int, int, Position]:
        settler = self.settler
        return settler.ledger.version, settler.inventory.version, settler.log.position

    def _delta(self, settled: Settled) -> Delta:
        agents = {pod.uid for pod in self.settler.identity.agents}
        live = self._live_pods()
        pruned, self._pruned = self._pruned, []
        return Delta(
            rows=[_row(each, agents) for each in settled.incidents],
            counts=[count for each in settled.incidents for count in kill_counts(each)],
            checkpoints=self._changed(),
            pods=self._changed_pods(live),
            pruned=pruned,
            removed_pods=self._pods.keys() - live.keys() if pruned else set(),
            read_to=self.settler.log.position,
            own_kills=count_agent_kills(agents, settled.incidents),
            unattributed=settled.unattributed,
            before_start=settled.before_start,
        )

    def _is_empty(self, delta: Delta) -> bool:
        changed = delta.rows or delta.checkpoints or delta.pods or delta.pruned
        counted = delta.unattributed or delta.before_start is not None
        return not changed and not counted and delta.read_to == self._read_to

    def _acknowledge(self, delta: Delta) -> None:
        self._read_to = delta.read_to
        self._saved.update({known.cgroup.inode: known for known in delta.checkpoints})
        self._pods.update({facts.cgroup_uid: facts for facts in delta.pods})
        for inode in delta.pruned:
            self._saved.pop(inode, None)
        for uid in delta.removed_pods:
            self._pods.pop(uid, None)

    def forget(self, inodes: Iterable[int]) -> None:
        """Drop the checkpoints of cgroups that were removed, at the next `save`."""
        self._pruned += inodes

    def _changed(self) -> list[Checkpoint]:
        names, saved = self._names(), self._saved
        return [
            Checkpoint(account.cgroup, account.epoch, account.recorded, names.get(inode))
            for inode, account in self.settler.ledger.accounts.items()
            if (was := saved.get(inode)) is None
            or was.recorded != account.recorded
            or was.name != names.get(inode)
            or was.cgroup != account.cgroup
            or was.epoch != account.epoch
        ]

    def _names(self) -> dict[int, str | None]:
        """Return what `Settler.name` returns for each one, without so many calls."""
        known = {**self.settler.removed, **self.settler.inventory.containers}
        return {inode: each.name for inode, each in known.items()}

    def _live_pods(self) -> dict[str, PodFacts]:
        """Return the ledger's pods as they are stored: the same objects while nothing changes."""
        inventory, accounts = self.settler.inventory, self.settler.ledger.accounts.values()
        pods = (inventory.pod(a.cgroup) for a in accounts if a.cgroup.level is Level.POD)
        known = {facts.cgroup_uid: facts for facts in pods if facts is not None}
        before, self._bare = self._bare, {}
        for uid, facts in known.items():
            was = before.get(uid)
            if was is None or was[0] is not facts:
                was = facts, stored_pods.without_volatile(facts)
            self._bare[uid] = was
        return {uid: kept for uid, (_, kept) in self._bare.items()}

    def _changed_pods(self, live: dict[str, PodFacts]) -> list[PodFacts]:
        return [
            now for uid, now in live.items()
            if (was := self._pods.get(uid)) is not now and was != now
        ]  # fmt: skip


def _row(incident: Incident, agents: AbstractSet[str]) -> OutboxRow:
    kill = oomkill.oom_kill(incident)
    advice = event_advice(incident) if incident.pod.uid in agents else ""
    return OutboxRow(kill, event.event(incident, kill, time.time(), advice))
