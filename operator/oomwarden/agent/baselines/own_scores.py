"""Scores that processes had given themselves: saved before one is written over, then put back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from oomwarden.agent.baselines.rows import Inodes, PersistedByContainer, Table
from oomwarden.agent.informers.inventory import Container
from oomwarden.agent.store.database import Database
from oomwarden.core.enforcement.own_scores import OwnScore

Scores = Mapping[int, OwnScore]
"""By pid."""


def _columns(scores: Scores) -> tuple[str]:
    rows = [[pid, own.start, own.score] for pid, own in sorted(scores.items())]
    return (json.dumps(rows),)


def _value(scores: str) -> Scores:
    return {pid: OwnScore(start, own) for pid, start, own in json.loads(scores)}


TABLE: Table[Scores] = Table("own_scores", ("scores",), _columns, _value)


@dataclass(slots=True)
class OwnScoreBaselines:
    """The scores of each container's processes."""

    store: Database
    boot_id: str
    _rows: PersistedByContainer[Scores] = field(init=False)

    def __post_init__(self) -> None:
        self._rows = PersistedByContainer(self.store, self.boot_id, TABLE)

    async def load(self) -> None:
        """Read what is known of this boot; the rows of others are deleted."""
        await self._rows.load()

    def saved(self, container: Container) -> Scores:
        """Give what is known of a container's processes, and is on the disk."""
        return self._rows.on_disk(container) or {}

    def has(self, container: Container) -> bool:
        """Whether processes of the container have scores of their own to be put back."""
        return self._rows.get(container) is not None

    def put(self, container: Container, scores: Scores) -> None:
        """Change what is known; it is written at the next `save`."""
        if scores:
            self._rows.put(container, scores)
        else:
            self._rows.forget(container)

    async def save(self) -> None:
        """Write what changed, in one transaction.

        Raises:
            sqlite3.Error: nothing was written.
        """
        await self._rows.save()

    def keep_only(self, live: Inodes) -> None:
        """Forget the containers that are gone."""
        self._rows.keep_only(live)

    def applied(self) -> frozenset[int]:
        """Give the containers in which scores of their own are overridden."""
        return frozenset(inode for inode, _ in self._rows)
