"""What oomScoreOffset is relative to: the kubelet's score, also after an in-place resize.

The kubelet does not write a score again when a request is resized (kubernetes issue 130657). Where
the score that the runtime gave is what the formula makes of the request, it is followed: the offset
moves along with the request. Where it is not (memory of a claim, another version's formula, a
resize before anybody looked), the score that was given stays what the offset is relative to.
"""

import logging
import sqlite3
from dataclasses import dataclass, field

from oomwarden.agent.baselines.rows import Inodes, PersistedByContainer, Table
from oomwarden.agent.informers.inventory import Container
from oomwarden.agent.store.database import Database
from oomwarden.core.enforcement.kubelet_score import kubelet_score
from oomwarden.core.model.pod import ContainerFacts, PodFacts

_FOLLOWS = True
TABLE: Table[bool] = Table("followed_scores", (), lambda _: (), lambda: _FOLLOWS)
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class OffsetReferences:
    """Remembers the containers whose score followed the formula once.

    `capacity` is the node's RAM in bytes.
    """

    store: Database
    boot_id: str
    capacity: int
    _rows: PersistedByContainer[bool] = field(init=False)

    def __post_init__(self) -> None:
        self._rows = PersistedByContainer(self.store, self.boot_id, TABLE)

    async def load(self) -> None:
        """Read what is known of this boot; the rows of others are deleted."""
        await self._rows.load()

    def of(
        self, container: Container, pod: PodFacts, facts: ContainerFacts, given: int | None
    ) -> int | None:
        """Give the score that the kubelet would give now, where that can be told; else `given`."""
        would = kubelet_score(pod, facts, self.capacity)
        if given is None or would is None:
            return given
        if would == given:
            self._rows.put(container, _FOLLOWS)
        return would if self._rows.get(container) else given

    async def save(self) -> None:
        """Write what changed, in one transaction; what could not be written is tried again.

        Scores do not hang on it: at worst the next agent leaves the offset of a container that was
        resized meanwhile where it was.
        """
        try:
            await self._rows.save()
        except sqlite3.Error as error:
            _LOG.warning("which scores follow their requests is not saved: %s", error)

    def keep_only(self, live: Inodes) -> None:
        """Forget the containers that are gone."""
        self._rows.keep_only(live)
