"""What memory.oom.group was in each container before our first write: saved before it."""

from dataclasses import dataclass, field

from oomwarden.agent.baselines.rows import Inodes, PersistedByContainer, Table
from oomwarden.agent.informers.inventory import Container
from oomwarden.agent.store.database import Database
from oomwarden.core.enforcement.group_files import GroupFiles

TABLE = Table("group_kills", ("found",), lambda files: (files.code,), GroupFiles.of_code)


@dataclass(slots=True)
class GroupKillBaselines:
    """The files of each container. A store that was lost takes this along: nothing is put back."""

    store: Database
    boot_id: str
    _rows: PersistedByContainer[GroupFiles] = field(init=False)

    def __post_init__(self) -> None:
        self._rows = PersistedByContainer(self.store, self.boot_id, TABLE)

    async def load(self) -> None:
        """Read what is known of this boot; the rows of others are deleted."""
        await self._rows.load()

    def get(self, container: Container) -> bool | None:
        """Tell how a container was found; None: nothing of ours was to be written there."""
        found = self.files(container)
        return None if found is None else found.together

    def files(self, container: Container) -> GroupFiles | None:
        """Give what was found in a container's files."""
        return self._rows.get(container)

    def put(self, container: Container, value: GroupFiles | bool | None) -> None:  # noqa: FBT001 - the value of the file
        """Change what is known; it is written at the next `save`."""
        if value is None:
            self._rows.forget(container)
        else:
            self._rows.put(container, GroupFiles(value) if isinstance(value, bool) else value)

    async def save(self) -> None:
        """Write what changed, in one transaction.

        Raises:
            sqlite3.Error: nothing was written.
        """
        await self._rows.save()

    def is_saved(self, container: Container) -> bool:
        """Whether what is known of a container is on the disk."""
        return self._rows.is_saved(container)

    def keep_only(self, live: Inodes) -> None:
        """Forget the containers that are gone."""
        self._rows.keep_only(live)

    def applied(self) -> frozenset[int]:
        """Give the containers in which a value of ours is, or may be, in place."""
        return frozenset(inode for inode, _ in self._rows)
