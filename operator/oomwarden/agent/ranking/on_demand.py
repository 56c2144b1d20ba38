"""The reader of the ranking, made when someone asks: most agents are never asked."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from oomwarden.agent.ranking.source import RankSource
    from oomwarden.core.badness.rank_report import RankReport


class RankOnDemand(Struct):
    """Ranks the processes of this node with a `RankSource`, once there is one.

    Attributes:
        make: Imports and makes it.
    """

    make: Callable[[], "RankSource"]
    _source: "RankSource | None" = None

    async def report(self) -> "RankReport":
        """Return a ranking that is a second old at most.

        Raises:
            StuckError: The kernel does not answer.
            OSError: The processes cannot be read.
        """
        self._source = self._source or self.make()
        return await self._source.report()

    @property
    def stuck_since(self) -> float | None:
        """Since when the kernel does not answer a reading; None if it does."""
        return self._source.worker.stuck_since if self._source else None
