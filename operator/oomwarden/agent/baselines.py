"""The score that the runtime gave each container, and the values of ours: saved before a write."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

from oomwarden.agent.inventory import Container
from oomwarden.agent.own_scores import SavedOwnScores
from oomwarden.agent.store import Store
from oomwarden.api.policy import SCORE_MIN
from oomwarden.core.plan import Baseline, Order, Outcome


@dataclass(frozen=True, slots=True)
class Row:
    """One container's row; the id guards against an inode that is used again."""

    container_id: str
    baseline: Baseline


@dataclass(slots=True)
class Baselines:
    """By cgroup inode.

    `store_lost`: an earlier store of this node is gone, and its values may be in place, so that
    what containers older than this store hold tells nothing of what the runtime gave;
    `loss_forgotten`: the next agent need not doubt that any more.
    """

    store: Store
    boot_id: str
    store_lost: bool = False
    loss_forgotten: bool = False
    own: SavedOwnScores = field(init=False)
    _rows: dict[int, Row] = field(default_factory=dict)
    _saved: dict[int, Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.own = SavedOwnScores(self.store, self.boot_id)

    async def load(self) -> None:
        """Read what is known of this boot; the rows of others are deleted."""
        await self.own.load()
        self._saved = await self.store.run(lambda db: _load(db, self.boot_id))
        self._rows = self._saved | self._rows

    def get(self, container: Container) -> Baseline | None:
        """Give what is known of a container."""
        row = self._rows.get(container.cgroup.inode)
        same = row is not None and row.container_id == container.cgroup.container_id
        return row.baseline if row is not None and same else None

    def learn(self, container: Container, score: int) -> None:
        """Take the score of a container's first process, when nothing is known of it yet."""
        if self.get(container) is None:
            self.put(container, self._judge(container, score))

    def _judge(self, container: Container, score: int) -> Baseline:
        if score < SCORE_MIN:
            return Baseline(None)
        if container.existed and self.store_lost:
            return Baseline(None, frozenset({score}))
        return Baseline(score)

    def put(self, container: Container, baseline: Baseline) -> None:
        """Change what is known; it is written at the next `save`."""
        row = Row(container.cgroup.container_id or "", baseline)
        self._rows[container.cgroup.inode] = row

    def settle(self, container: Container, order: Order, outcome: Outcome) -> bool:
        """Forget the older values of ours once no process holds one; after a put-back, all.

        Tells whether something was forgotten.
        """
        baseline = self.get(container)
        if baseline is None or outcome.aim != order.aim or not outcome.whole:
            return False
        settled = baseline.settled(*order.values)
        if settled != baseline:
            self.put(container, settled)
        return settled != baseline

    def is_saved(self, container: Container) -> bool:
        """Whether what is known of a container is on the disk."""
        inode = container.cgroup.inode
        return inode in self._rows and self._rows[inode] == self._saved.get(inode)

    async def save(self) -> None:
        """Write what changed, in one transaction.

        Raises:
            sqlite3.Error: nothing was written.
        """
        await self.own.save()
        rows = dict(self._rows)
        changed = {inode: row for inode, row in rows.items() if self._saved.get(inode) != row}
        gone = [inode for inode in self._saved if inode not in rows]
        if changed or gone:
            await self.store.run(lambda db: _save(db, self.boot_id, changed, gone))
            if self.store.keeps:
                self._saved = rows

    def keep_only(self, live: Iterable[int]) -> None:
        """Forget the containers that are gone."""
        live = set(live)
        self.own.keep_only(live)
        for inode in self._rows.keys() - live:
            del self._rows[inode]

    def applied(self) -> frozenset[int]:
        """Give the containers in which values of ours are, or may be, in place."""
        ours = (inode for inode, row in self._rows.items() if _holds_ours(row.baseline))
        return frozenset(ours) | self.own.applied()


def _holds_ours(baseline: Baseline) -> bool:
    """With an unknown baseline the first of `ours` is what was found, not what was written."""
    return len(baseline.ours) > (baseline.value is None)


def _load(db: sqlite3.Connection, boot_id: str) -> dict[int, Row]:
    db.execute("DELETE FROM baselines WHERE boot_id != ?", (boot_id,))
    rows = db.execute("SELECT inode, container_id, baseline, ours FROM baselines")
    return {
        inode: Row(container_id, Baseline(value, frozenset(json.loads(ours))))
        for inode, container_id, value, ours in rows
    }


def _save(db: sqlite3.Connection, boot_id: str, changed: dict[int, Row], gone: list[int]) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO baselines VALUES (?, ?, ?, ?, ?)",
        [
            (boot_id, inode, row.container_id, row.baseline.value, _json(row.baseline.ours))
            for inode, row in changed.items()
        ],
    )
    db.executemany(
        "DELETE FROM baselines WHERE boot_id = ? AND inode = ?",
        [(boot_id, inode) for inode in gone],
    )


def _json(ours: frozenset[int]) -> str:
    return json.dumps(sorted(ours))
