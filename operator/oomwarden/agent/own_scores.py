"""Scores that processes had given themselves: saved before one is written over, then put back."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from oomwarden.agent.inventory import Container
from oomwarden.agent.store import Store
from oomwarden.core.own_scores import OwnScore

Row = tuple[str, Mapping[int, OwnScore]]
"""Container id, which guards against an inode that is used again, and the scores by pid."""
_NONE: Row = ("", {})


@dataclass(slots=True)
class SavedOwnScores:
    """By cgroup inode."""

    store: Store
    boot_id: str
    _rows: dict[int, Row] = field(default_factory=dict)
    _saved: dict[int, Row] = field(default_factory=dict)

    async def load(self) -> None:
        """Read what is known of this boot; the rows of others are deleted."""
        self._saved = await self.store.run(lambda db: _load(db, self.boot_id))
        self._rows = self._saved | self._rows

    def saved(self, container: Container) -> Mapping[int, OwnScore]:
        """Give what is known of a container's processes, and is on the disk."""
        container_id, scores = self._saved.get(container.cgroup.inode, _NONE)
        return scores if container_id == container.cgroup.container_id else {}

    def has(self, container: Container) -> bool:
        """Whether processes of the container have scores of their own to be put back."""
        return container.cgroup.inode in self._rows

    def put(self, container: Container, scores: Mapping[int, OwnScore]) -> None:
        """Change what is known; it is written at the next `save`."""
        if scores:
            self._rows[container.cgroup.inode] = (container.cgroup.container_id or "", scores)
        else:
            self._rows.pop(container.cgroup.inode, None)

    async def save(self) -> None:
        """Write what changed, in one transaction.

        Raises:
            sqlite3.Error: nothing was written.
        """
        rows = dict(self._rows)
        changed = {inode: row for inode, row in rows.items() if self._saved.get(inode) != row}
        gone = [inode for inode in self._saved if inode not in rows]
        if changed or gone:
            await self.store.run(lambda db: _save(db, self.boot_id, changed, gone))
            if self.store.keeps:
                self._saved = rows

    def keep_only(self, live: Iterable[int]) -> None:
        """Forget the containers that are gone."""
        for inode in self._rows.keys() - set(live):
            del self._rows[inode]

    def applied(self) -> frozenset[int]:
        """Give the containers in which scores of their own are overridden."""
        return frozenset(self._rows)


def _load(db: sqlite3.Connection, boot_id: str) -> dict[int, Row]:
    db.execute("DELETE FROM own_scores WHERE boot_id != ?", (boot_id,))
    rows = db.execute("SELECT inode, container_id, scores FROM own_scores")
    return {
        inode: (container_id, {pid: OwnScore(start, own) for pid, start, own in json.loads(scores)})
        for inode, container_id, scores in rows
    }


def _save(db: sqlite3.Connection, boot_id: str, changed: dict[int, Row], gone: list[int]) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO own_scores VALUES (?, ?, ?, ?)",
        [(boot_id, inode, row[0], _json(row[1])) for inode, row in changed.items()],
    )
    db.executemany(
        "DELETE FROM own_scores WHERE boot_id = ? AND inode = ?",
        [(boot_id, inode) for inode in gone],
    )


def _json(scores: Mapping[int, OwnScore]) -> str:
    return json.dumps([[pid, own.start, own.score] for pid, own in sorted(scores.items())])
