"""What memory.oom.group was in each container before our first write: saved before it."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

from oomwarden.agent.inventory import Container
from oomwarden.agent.store import Store
from oomwarden.core.group_files import GroupFiles

Row = tuple[str, GroupFiles]
"""Container id, which guards against an inode that is used again, and the values."""


@dataclass(slots=True)
class FoundGroups:
    """By cgroup inode. A store that was lost takes this along: then nothing is put back."""

    store: Store
    boot_id: str
    _rows: dict[int, Row] = field(default_factory=dict)
    _saved: dict[int, Row] = field(default_factory=dict)

    async def load(self) -> None:
        """Read what is known of this boot; the rows of others are deleted."""
        self._saved = await self.store.run(lambda db: _load(db, self.boot_id))
        self._rows = self._saved | self._rows

    def get(self, container: Container) -> bool | None:
        """Tell how a container was found; None: nothing of ours was to be written there."""
        found = self.files(container)
        return None if found is None else found.together

    def files(self, container: Container) -> GroupFiles | None:
        """Give what was found in a container's files."""
        container_id, value = self._rows.get(container.cgroup.inode, ("", None))
        return value if container_id == container.cgroup.container_id else None

    def put(self, container: Container, value: GroupFiles | bool | None) -> None:  # noqa: FBT001 - the value of the file
        """Change what is known; it is written at the next `save`."""
        if value is None:
            self._rows.pop(container.cgroup.inode, None)
            return
        found = GroupFiles(value) if isinstance(value, bool) else value
        self._rows[container.cgroup.inode] = (container.cgroup.container_id or "", found)

    async def save(self) -> None:
        """Write what changed, in one transaction.

        Raises:
            sqlite3.Error: nothing was written.
        """
        rows = dict(self._rows)
        if rows != self._saved:
            await self.store.run(lambda db: _save(db, self.boot_id, rows))
            if self.store.keeps:
                self._saved = rows

    def is_saved(self, container: Container) -> bool:
        """Whether what is known of a container is on the disk."""
        inode = container.cgroup.inode
        return self._rows.get(inode) == self._saved.get(inode)

    def keep_only(self, live: Iterable[int]) -> None:
        """Forget the containers that are gone."""
        for inode in self._rows.keys() - set(live):
            del self._rows[inode]

    def applied(self) -> frozenset[int]:
        """Give the containers in which a value of ours is, or may be, in place."""
        return frozenset(self._rows)


def _load(db: sqlite3.Connection, boot_id: str) -> dict[int, Row]:
    db.execute("DELETE FROM group_kills WHERE boot_id != ?", (boot_id,))
    rows = db.execute("SELECT inode, container_id, found FROM group_kills")
    return {inode: (container_id, GroupFiles.of_code(found)) for inode, container_id, found in rows}


def _save(db: sqlite3.Connection, boot_id: str, rows: dict[int, Row]) -> None:
    db.execute("DELETE FROM group_kills WHERE boot_id = ?", (boot_id,))
    db.executemany(
        "INSERT INTO group_kills VALUES (?, ?, ?, ?)",
        [
            (boot_id, inode, container_id, value.code)
            for inode, (container_id, value) in rows.items()
        ],
    )
