"""What oomScoreOffset is relative to: the kubelet's score, also after an in-place resize.

The kubelet does not write a score again when a request is resized (kubernetes issue 130657). Where
the runtime's score is what the formula makes of the request, the offset moves along with the
request. Where it is not (memory of a claim, another version's formula, a resize before the agent
started), the offset stays relative to the runtime's score.
"""

import logging
import sqlite3
from dataclasses import dataclass, field

from oomwarden.agent.baselines.rows import PersistedByContainer, Table
from oomwarden.agent.informers.inventory import Container
from oomwarden.core.enforcement.kubelet_score import kubelet_score
from oomwarden.core.log_line.keys import NOT_SAVED_REASON, about
from oomwarden.core.model.pod import ContainerFacts, PodFacts

_FOLLOWS = True
TABLE: Table[bool] = Table("followed_scores", (), lambda _: (), lambda: _FOLLOWS)
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class OffsetReferences(PersistedByContainer[bool]):
    """Remembers the containers whose score has followed the formula once.

    Attributes:
        capacity: The node's RAM in bytes.
    """

    table = TABLE
    capacity: int = field(kw_only=True)

    def of(
        self, container: Container, pod: PodFacts, facts: ContainerFacts, given: int | None
    ) -> int | None:
        """Return the score that the kubelet would set now, where that is known; else `given`."""
        would = kubelet_score(pod, facts, self.capacity)
        if given is None or would is None:
            return given
        if would == given:
            self.put(container, _FOLLOWS)
        return would if self.get(container) else given

    async def try_save(self) -> None:
        """Write what changed, in one transaction; what could not be written is tried again.

        Scores do not depend on it: at worst the next agent leaves the offset of a container that
        was resized in between where it was.
        """
        try:
            await self.save()
        except sqlite3.Error as error:
            _LOG.warning(
                "which scores follow their requests is not saved: %s",
                error,
                extra=about(reason=NOT_SAVED_REASON, error=str(error)),
            )
