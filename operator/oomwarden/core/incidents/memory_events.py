"""What memory.events has counted of each container, across its restarts.

The counters of a cgroup count all below it, also what was removed since (Linux mm/memcontrol.c,
__memcg_memory_event). So the pod's counters are those of its only container, with what that
container counted just before it was removed. Where a pod has several containers, what none of them
shows is the pod's own.
"""

from collections import Counter
from collections.abc import Callable, Mapping

from msgspec import Struct, field

from oomwarden.core.incidents.near_misses import LimitHolder
from oomwarden.core.model.cgroup import MemoryEvents

Rise = dict[str, int]
"""By how much counters of memory.events rose, by their names."""
EventCounts = dict[LimitHolder, Rise]
"""Whose counters rose, and by how much."""


class MemoryEventCounts(Struct):
    """The last counters of each cgroup. Read a pod's counters before those of its containers."""

    _seen: dict[int, MemoryEvents] = field(default_factory=dict)
    _own: dict[str, Counter[str]] = field(default_factory=dict)
    """By pod: events that are not attributed yet; below 0 if a container was read later."""

    def rise(self, inode: int, events: MemoryEvents, *, is_new: bool) -> Rise:
        """Return by how much the counters of a cgroup rose since the last call.

        Args:
            inode: The cgroup.
            events: Its counters now; empty if they could not be read.
            is_new: Whether the cgroup began after the agent, so that all it has counted is news.
        """
        if not events:
            return {}
        before = self._seen.get(inode, {} if is_new else events)
        self._seen[inode] = {**before, **events}
        rose = {name: count - before.get(name, 0) for name, count in events.items()}
        return {name: count for name, count in rose.items() if count > 0}

    def attribute(self, uid: str, pod: Rise, containers: Mapping[str, Rise]) -> EventCounts:
        """Return whose the events in a pod are.

        Args:
            uid: UID of the pod's cgroup.
            pod: By how much its counters rose.
            containers: The same for its running containers, by name.
        """
        own = self._own.setdefault(uid, Counter())
        own.update(pod)
        only = next(iter(containers)) if len(containers) == 1 else ""
        shares = {} if only else {(uid, name): rose for name, rose in containers.items() if rose}
        for rose in shares.values():
            own.subtract(rose)
        if rest := dict(+own):
            shares[uid, only] = rest
            own.subtract(rest)
        return shares

    def forget(self, is_live: Callable[[int], bool], pods: Callable[[str], bool]) -> None:
        """Forget the counters of cgroups that are gone."""
        for inode in [each for each in self._seen if not is_live(each)]:
            del self._seen[inode]
        for uid in [each for each in self._own if not pods(each)]:
            del self._own[uid]
