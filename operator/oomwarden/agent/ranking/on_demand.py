"""The reader of the ranking, imported when someone asks: most agents are never asked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oomwarden.agent.enforcement.tracker import Tracker
from oomwarden.kernel.host import Host
from oomwarden.kernel.roots import HostRoots

if TYPE_CHECKING:
    from oomwarden.agent.ranking.source import RankSource
    from oomwarden.core.badness.rank_report import RankReport


@dataclass(slots=True)
class RankOnDemand:
    """Ranks the processes of this node; see `RankSource`, which it makes for the first ranking.

    Attributes:
        node: The node's name.
        roots: The host's cgroups and processes.
        host: The host's memory.
        tracker: The containers, and which policies govern them.
        nested: Returns whether the kubelet runs in a container itself.
    """

    node: str
    roots: HostRoots
    host: Host
    tracker: Tracker
    nested: Callable[[], bool]
    _source: "RankSource | None" = None

    async def report(self) -> "RankReport":
        """Return a ranking that is a second old at most.

        Raises:
            StuckError: The kernel does not answer.
            OSError: The processes cannot be read.
        """
        if self._source is None:
            from oomwarden.agent.ranking.source import RankSource  # noqa: PLC0415 - 0.3 MiB

            parts = self.node, self.roots, self.host, self.tracker, self.nested
            self._source = RankSource(*parts)
        return await self._source.report()

    @property
    def stuck_since(self) -> float | None:
        """Since when the kernel does not answer a reading; None if it does."""
        return self._source.worker.stuck_since if self._source else None
