"""Which kills of removed pods are recorded now, while others below the same level wait."""

from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from oomwarden.core.ledger.account import Attribution
from oomwarden.core.model.cgroup import Cgroup


class SettleLimits(Struct):
    """What of a level's unread kills is recorded now.

    Attributes:
        most: No more than this, by `oom_kill`.
        rest: No more than this of what neither the log nor elimination explains.
        is_final: Whether the kills of a pod are recorded: what it is must be known by then.
        unexplained: How many nothing explained, as of the last call.
    """

    most: int
    rest: int
    is_final: Callable[[Cgroup], bool]
    unexplained: int = 0

    def apply(self, found: Iterable[Attribution]) -> list[Attribution]:
        """Return the attributions that are recorded now, each cut to what may be recorded."""
        left, kept, found = self.most, list[Attribution](), list(found)
        self.unexplained = sum(one.kills for one in found if one.pod is None)
        for one in found:
            kills = min(self._final(one), left)
            left -= kills
            if kills:
                kept.append(replace(one, kills=kills, groups=min(one.groups, kills)))
        return kept

    def _final(self, one: Attribution) -> int:
        if one.pod is None:
            return min(one.kills, self.rest)
        return one.kills if self.is_final(one.pod) else 0
