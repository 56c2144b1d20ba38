"""The parts of the cgroup tree that inotify does not cover: polls them and reports them."""

import time
from itertools import islice

from msgspec import Struct

from oomwarden.agent.detection.cgroup_watches import CgroupWatches
from oomwarden.core.reporting.detection_gaps import DetectionGaps
from oomwarden.kernel.cgroup.tree import CounterTree

POLL_SECONDS = 0.2
"""Polling interval while a watch is missing or a cgroup cannot be opened."""
POLL_SHARE = 20
"""Polls pause for this many times their own duration, so they use at most 5 % of a processor."""
EXAMPLES = 3
"""How many of the cgroups that cannot be opened the message names."""


class BlindSpots(Struct):
    """Finds the blind spots: refused watches, cgroups that cannot be opened or listed."""

    watches: CgroupWatches
    _due: float = 0.0

    def wait_seconds(self, tree: CounterTree, longest: float) -> float:
        """Return how many seconds to wait for an event, `longest` at most."""
        if self.watches.is_blind or tree.unopened or tree.unlisted:
            return min(longest, POLL_SECONDS)
        again = self.watches.retry_in()
        return longest if again is None else min(longest, max(again, POLL_SECONDS))

    def rescan(self, tree: CounterTree) -> None:
        """Retry refused watches, then rescan the blind spots for new and removed cgroups."""
        began = time.monotonic()
        for node in self.watches.retry():
            tree.rescan(node)
        if began < self._due:
            return
        blind = (*self.watches.unwatched(), *tree.incomplete_nodes())
        for inode, node in {node.cgroup.inode: node for node in blind}.items():
            if inode in tree.nodes:
                tree.rescan(node)
        ended = time.monotonic()
        self._due = ended + (ended - began) * POLL_SHARE

    def blind_inodes(self, tree: CounterTree) -> frozenset[int]:
        """Return the inodes of cgroups below which others may appear and vanish unseen."""
        blind = (*self.watches.unwatched(), *tree.incomplete_nodes())
        return frozenset(node.cgroup.inode for node in blind)

    def blindness(self, tree: CounterTree) -> DetectionGaps:
        """Return what is not covered, and why."""
        unlisted = (tree.nodes.get(inode) for inode in tree.unlisted)
        names = [one.cgroup.path for one in islice(tree.unopened.values(), EXAMPLES)]
        names += [node.cgroup.path for node in unlisted if node is not None]
        why = [*(one.reason for one in tree.unopened.values()), *tree.unlisted.values()]
        return DetectionGaps(
            watches=self.watches.missing if self.watches.missing_reason() else 0,
            watches_error=self.watches.missing_reason(),
            unopened=len(tree.unopened) + len(tree.unlisted),
            unopened_error=why[0] if why else "",
            examples=tuple(names[:EXAMPLES]),
        )
