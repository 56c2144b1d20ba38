"""Near misses: a limit was hit, and reclaim freed enough memory, so that nothing was killed.

The kernel counts a hit before it reclaims. A kill is preceded by hits too, which are not near
misses. So what rises is held back until the next reading has shown no failure.
"""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct, field

from oomwarden.core.model.cgroup import LimitHits

ROUND_SECONDS = 20.0
"""Time between two readings: half as often as samples, because they cost more."""
HOLD_SECONDS = 0.9 * ROUND_SECONDS
"""How long hits are held back: until the next reading."""
WINDOW_SECONDS = 3600.0
SLICE_SECONDS = 300.0
"""Hits of this time are counted together, so that the window moves in such steps."""
MAX_HOLDERS = 512
"""Containers with near misses that are kept; more than a node runs, because pods come and go."""

LimitHolder = tuple[str, str]
"""UID of the pod's cgroup, and name of the container; empty if the pod's own limit was hit."""


class RecentNearMisses(Struct, frozen=True):
    """How often a limit was hit within the last hour without a kill.

    Attributes:
        since: Wall-clock seconds of the first of them.
        last: Wall-clock seconds of the last of them.
    """

    holder: LimitHolder
    count: int
    since: float
    last: float


class _Slice(Struct):
    since: float
    last: float
    count: int


class _CgroupHits(Struct):
    """The last counters of a cgroup, and the hits that may still precede a kill."""

    counters: LimitHits
    holder: LimitHolder
    held: int = 0
    held_at: float = 0.0


class NearMissCounts(Struct):
    """Counts near misses by container, across restarts of it. Times are wall-clock seconds."""

    _cgroups: dict[int, _CgroupHits] = field(default_factory=dict)
    _holding: set[int] = field(default_factory=set)
    """The cgroups with hits that are held back: few, so that a round costs little."""
    _windows: dict[LimitHolder, list[_Slice]] = field(default_factory=dict)
    _confirmed: dict[LimitHolder, int] = field(default_factory=dict)

    def observe(
        self, inode: int, holder: LimitHolder, now_counted: LimitHits, now: float, *, is_new: bool
    ) -> int:
        """Compare a cgroup's counters with what they were.

        Args:
            inode: The cgroup.
            holder: Whose limit it enforces.
            now_counted: Its counters.
            now: When they were read.
            is_new: Whether the cgroup began after the agent, so that all its hits are news.

        Returns:
            How many hits are held back: they are near misses unless a failure follows.
        """
        known = self._cgroups.get(inode)
        if known is None:
            first = LimitHits() if is_new else now_counted
            known = self._cgroups[inode] = _CgroupHits(first, holder)
        before, known.counters, known.holder = known.counters, now_counted, holder
        if now_counted.failures != before.failures:
            self._drop_held(inode)
            return 0
        self._confirm(inode)
        known.held, known.held_at = max(now_counted.hits - before.hits, 0), now
        if known.held:
            self._holding.add(inode)
        return known.held

    def settle(self, now: float, is_live: Callable[[int], bool]) -> None:
        """Confirm what no failure has followed; a cgroup that is gone may have been killed."""
        for inode in list(self._holding):
            if not is_live(inode):
                self._drop_held(inode)
            elif not 0 <= now - self._cgroups[inode].held_at < HOLD_SECONDS:
                self._confirm(inode)
        self._expire(now)

    def forget(self, is_live: Callable[[int], bool]) -> None:
        """Forget the counters of cgroups that are gone."""
        for inode in [inode for inode in self._cgroups if not is_live(inode)]:
            self._drop_held(inode)
            del self._cgroups[inode]

    def take_confirmed(self) -> dict[LimitHolder, int]:
        """Return the near misses since the last call."""
        taken, self._confirmed = self._confirmed, {}
        return taken

    def holders(self) -> AbstractSet[LimitHolder]:
        """Return whose limits were hit within the last hour, or whose hits are held back."""
        held = {self._cgroups[inode].holder for inode in self._holding}
        return self._windows.keys() | held

    def recent(self) -> list[RecentNearMisses]:
        """Return the near misses of the last hour, as of `settle`, the most first."""
        found = [_summed(holder, slices) for holder, slices in self._windows.items()]
        return sorted(found, key=lambda each: (-each.count, each.holder))

    def _drop_held(self, inode: int) -> None:
        self._holding.discard(inode)
        self._cgroups[inode].held = 0

    def _confirm(self, inode: int) -> None:
        cgroup = self._cgroups[inode]
        at, count = cgroup.held_at, cgroup.held
        if not count:
            return
        self._drop_held(inode)
        self._confirmed[cgroup.holder] = self._confirmed.get(cgroup.holder, 0) + count
        slices = self._windows.setdefault(cgroup.holder, [])
        if slices and 0 <= at - slices[-1].since < SLICE_SECONDS:
            slices[-1].last = max(at, slices[-1].last)
            slices[-1].count += count
        else:
            slices.append(_Slice(at, at, count))

    def _expire(self, now: float) -> None:
        """Drop what is older than the window, or from before the clock was set back."""
        for holder, slices in list(self._windows.items()):
            slices[:] = [each for each in slices if 0 <= now - each.last < WINDOW_SECONDS]
            if not slices:
                del self._windows[holder]
        self._drop(sorted(self._windows, key=self._last)[:-MAX_HOLDERS])

    def _last(self, holder: LimitHolder) -> float:
        return self._windows[holder][-1].last

    def _drop(self, holders: Iterable[LimitHolder]) -> None:
        for holder in holders:
            del self._windows[holder]


def _summed(holder: LimitHolder, slices: Sequence[_Slice]) -> RecentNearMisses:
    count = sum(each.count for each in slices)
    return RecentNearMisses(holder, count, slices[0].since, slices[-1].last)
