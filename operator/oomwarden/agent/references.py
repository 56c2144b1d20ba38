"""What oomScoreOffset is relative to: the kubelet's score, also after an in-place resize.

The kubelet does not write a score again when a request is resized (kubernetes issue 130657). Where
the score that the runtime gave is what the formula makes of the request, it is followed: the offset
moves along with the request. Where it is not (memory of a claim, another version's formula, a
resize before anybody looked), the score that was given stays what the offset is relative to.
"""

import logging
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

from oomwarden.agent.inventory import Container
from oomwarden.agent.store import Store
from oomwarden.core.facts import ContainerFacts, PodFacts
from oomwarden.core.kubelet_score import kubelet_score

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class References:
    """Remembers the containers whose score followed the formula once, by cgroup inode.

    `capacity` is the node's RAM in bytes. The ids guard against inodes that are used again.
    """

    store: Store
    boot_id: str
    capacity: int
    _follow: dict[int, str] = field(default_factory=dict)
    _saved: dict[int, str] = field(default_factory=dict)

    async def load(self) -> None:
        """Read what is known of this boot; the rows of others are deleted."""
        self._saved = await self.store.run(lambda db: _load(db, self.boot_id))
        self._follow = self._saved | self._follow

    def of(
        self, container: Container, pod: PodFacts, facts: ContainerFacts, given: int | None
    ) -> int | None:
        """Give the score that the kubelet would give now, where that can be told; else `given`."""
        would, inode = kubelet_score(pod, facts, self.capacity), container.cgroup.inode
        if given is None or would is None:
            return given
        own = container.cgroup.container_id or ""
        if would == given:
            self._follow[inode] = own
        return would if self._follow.get(inode) == own else given

    async def save(self) -> None:
        """Write what changed, in one transaction; what could not be written is tried again.

        Scores do not hang on it: at worst the next agent leaves the offset of a container that was
        resized meanwhile where it was.
        """
        rows = dict(self._follow)
        if rows == self._saved:
            return
        try:
            await self.store.run(lambda db: _save(db, self.boot_id, rows))
        except sqlite3.Error as error:
            _LOG.warning("which scores follow their requests is not saved: %s", error)
            return
        self._saved = rows

    def keep_only(self, live: Iterable[int]) -> None:
        """Forget the containers that are gone."""
        for inode in self._follow.keys() - set(live):
            del self._follow[inode]


def _load(db: sqlite3.Connection, boot_id: str) -> dict[int, str]:
    db.execute("DELETE FROM followed_scores WHERE boot_id != ?", (boot_id,))
    return dict(db.execute("SELECT inode, container_id FROM followed_scores").fetchall())


def _save(db: sqlite3.Connection, boot_id: str, rows: dict[int, str]) -> None:
    db.execute("DELETE FROM followed_scores WHERE boot_id = ?", (boot_id,))
    db.executemany(
        "INSERT INTO followed_scores VALUES (?, ?, ?)",
        [(boot_id, inode, container_id) for inode, container_id in rows.items()],
    )
