"""One value for each container, in a table of the store: what must outlive the agent."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Container as AbstractContainer
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from msgspec import Struct

from oomwarden.agent.informers.inventory import Container
from oomwarden.agent.store.database import Database

V = TypeVar("V")

Inodes = AbstractContainer[int]


class Table(Struct, Generic[V], frozen=True):
    """A table with the columns `boot_id`, `inode`, `container_id` and those of the value.

    Attributes:
        name: The table.
        names: The columns of the value.
        columns: Returns a value as it is stored.
        value: Makes a value of its columns.
    """

    name: str
    names: Sequence[str]
    columns: Callable[[V], Sequence[object]]
    value: Callable[..., V]

    def load(self, db: sqlite3.Connection, boot_id: str) -> dict[int, tuple[str, V]]:
        """Read the rows of one boot, by inode; those of others are deleted."""
        db.execute(f"DELETE FROM {self.name} WHERE boot_id != ?", (boot_id,))  # noqa: S608 - ours
        names = ", ".join(("inode", "container_id", *self.names))
        rows = db.execute(f"SELECT {names} FROM {self.name}")  # noqa: S608 - the names are ours
        return {
            inode: (container_id, self.value(*columns)) for inode, container_id, *columns in rows
        }

    def save(
        self,
        db: sqlite3.Connection,
        boot_id: str,
        changed: dict[int, tuple[str, V]],
        gone: Iterable[int],
    ) -> None:
        """Write and delete rows of one boot."""
        places = ", ".join("?" * (3 + len(self.names)))
        db.executemany(
            f"INSERT OR REPLACE INTO {self.name} VALUES ({places})",  # noqa: S608 - ours
            [
                (boot_id, inode, own, *self.columns(value))
                for inode, (own, value) in changed.items()
            ],
        )
        db.executemany(
            f"DELETE FROM {self.name} WHERE boot_id = ? AND inode = ?",  # noqa: S608 - ours
            [(boot_id, inode) for inode in gone],
        )


@dataclass(slots=True)
class PersistedByContainer(Generic[V]):
    """By cgroup inode; the container's id guards against an inode that is used again.

    A subclass names its table.

    Attributes:
        store: Where the rows are.
        boot_id: This boot; rows of others are deleted.
    """

    table: ClassVar[Table[Any]]
    store: Database
    boot_id: str
    _rows: dict[int, tuple[str, V]] = field(default_factory=dict)
    _saved: dict[int, tuple[str, V]] = field(default_factory=dict)
    _is_changed: bool = True  # since the last save

    async def load(self) -> None:
        """Load what is known of this boot; the rows of others are deleted."""
        self._saved = await self.store.run(lambda db: self.table.load(db, self.boot_id))
        self._rows = self._saved | self._rows

    @property
    def rows(self) -> Mapping[int, tuple[str, V]]:
        """What is known, with the container's id; a row that changes is another object."""
        return self._rows

    def get(self, container: Container) -> V | None:
        """Return what is known of a container."""
        return _own(self._rows, container)

    def on_disk(self, container: Container) -> V | None:
        """Return what is known of a container and is on the disk."""
        return _own(self._saved, container)

    def is_saved(self, container: Container) -> bool:
        """Return whether what is known of a container is on the disk, even if that is nothing."""
        return self.get(container) == self.on_disk(container)

    def put(self, container: Container, value: V) -> None:
        """Change what is known; it is written at the next `save`."""
        inode, row = container.cgroup.inode, (container.cgroup.container_id or "", value)
        if self._rows.get(inode) != row:
            self._rows[inode], self._is_changed = row, True

    def forget(self, container: Container) -> None:
        """Drop what is known; it is deleted at the next `save`."""
        self._is_changed |= self._rows.pop(container.cgroup.inode, None) is not None

    async def save(self) -> None:
        """Write what changed, in one transaction.

        Rows of containers that are gone do no harm, and are deleted with the next change.

        Raises:
            sqlite3.Error: nothing was written.
        """
        if not self._is_changed:
            return
        rows = dict(self._rows)
        changed = {inode: row for inode, row in rows.items() if self._saved.get(inode) != row}
        gone = self._saved.keys() - rows.keys()
        if changed or gone:
            await self.store.run(lambda db: self.table.save(db, self.boot_id, changed, gone))
            if not self.store.is_durable:
                return
            self._saved = rows
        self._is_changed = self._rows != rows

    def keep_only(self, live: Inodes) -> None:
        """Forget the containers that are gone."""
        for inode in [each for each in self._rows if each not in live]:
            del self._rows[inode]

    def applied(self) -> frozenset[int]:
        """Return the containers, by inode, of which something is known."""
        return frozenset(self._rows)

    def __iter__(self) -> Iterator[tuple[int, V]]:
        """Iterate over everything that is known, by inode."""
        return ((inode, value) for inode, (_, value) in self._rows.items())


def _own(rows: dict[int, tuple[str, Any]], container: Container) -> Any | None:  # noqa: ANN401 - V
    container_id, value = rows.get(container.cgroup.inode, (None, None))
    return value if container_id == (container.cgroup.container_id or "") else None
