"""Where cgroups come and go untold: looks there at short intervals, and says how it is."""

import time
from dataclasses import dataclass
from itertools import islice

from oomwarden.agent.detection.cgroup_watches import CgroupWatches
from oomwarden.core.reporting.blindness import Blindness
from oomwarden.kernel.cgroup.tree import CounterTree

POLL_SECONDS = 0.2
"""Between two looks while a watch is missing or a cgroup cannot be opened."""
POLL_SHARE = 20
"""Looking takes no more than this part of the time: 5 % of a processor."""
EXAMPLES = 3
"""Cgroups that are named where many cannot be opened."""


@dataclass(slots=True)
class BlindSpots:
    """`watches` says what the kernel has refused; the tree what cannot be opened or listed."""

    watches: CgroupWatches
    _due: float = 0.0

    def patience(self, tree: CounterTree, longest: float) -> float:
        """Give the seconds to wait for an event, `longest` at most."""
        if self.watches.is_blind or tree.unopened or tree.unlisted:
            return min(longest, POLL_SECONDS)
        again = self.watches.retry_in()
        return longest if again is None else min(longest, max(again, POLL_SECONDS))

    def look(self, tree: CounterTree) -> None:
        """Try again what was refused; find what came and went where nothing tells of it."""
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

    def inodes(self, tree: CounterTree) -> frozenset[int]:
        """Give the cgroups below which others may come and go untold."""
        blind = (*self.watches.unwatched(), *tree.incomplete_nodes())
        return frozenset(node.cgroup.inode for node in blind)

    def blindness(self, tree: CounterTree) -> Blindness:
        """Say what is missing, and why."""
        unlisted = (tree.nodes.get(inode) for inode in tree.unlisted)
        names = [one.cgroup.path for one in islice(tree.unopened.values(), EXAMPLES)]
        names += [node.cgroup.path for node in unlisted if node is not None]
        why = [*(one.reason for one in tree.unopened.values()), *tree.unlisted.values()]
        return Blindness(
            watches=self.watches.missing if self.watches.why() else 0,
            watches_why=self.watches.why(),
            unopened=len(tree.unopened) + len(tree.unlisted),
            unopened_why=why[0] if why else "",
            examples=tuple(names[:EXAMPLES]),
        )
