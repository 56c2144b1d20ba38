"""The kubelet's cgroups as a tree of kept descriptors: read the parent first, then its children.

Used by one thread only. Reads counters, and nothing that can block.
"""

import errno
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import islice

from oomwarden.core.ledger.account import Reading
from oomwarden.core.model.cgroup import Cgroup, Level, MemoryEvents
from oomwarden.core.parse import cgroup_paths
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.counter_files import CounterNode, UnopenedCgroup, open_node
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.kubepods import MAX_CHILDREN
from oomwarden.kernel.cgroup.kubepods import find_kubepods as find_kubepods  # noqa: PLC0414 - for callers

LATE_TRIES = 5
"""Of reading a cgroup and the one above it in the same moment."""


@dataclass(slots=True)
class CounterTree:
    """All followed cgroups of the node, and what changed among them.

    `lost` is called for a cgroup that is gone before it could be opened. `unopened` by inode;
    `unlisted` are the cgroups, by inode, whose directory could not be read to its end. `blind` are
    those below which others come untold: a kill may have been recorded above before they are found.
    """

    root: CgroupRoot
    appeared: Callable[[CounterNode], None]
    vanished: Callable[[CounterNode], None]
    lost: Callable[[Cgroup, CounterNode], None] = field(default=lambda *_: None)
    nodes: dict[int, CounterNode] = field(default_factory=dict)
    unreadable: int = 0  # times that a cgroup's files could not be read or understood
    unopened: dict[int, UnopenedCgroup] = field(default_factory=dict)
    unlisted: dict[int, str] = field(default_factory=dict)
    blind: frozenset[int] = frozenset()
    _late: list[CounterNode] = field(default_factory=list)

    def start(self, kubepods: Cgroup) -> CounterNode:
        """Open the root of all pods and everything below it.

        Raises:
            CgroupGoneError: it was removed.
            OSError: its files cannot be opened.
        """
        node = open_node(self.root, kubepods, None)
        self.nodes[kubepods.inode] = node
        self.appeared(node)
        self.rescan(node)
        return node

    def rescan(self, node: CounterNode) -> None:
        """Compare a cgroup's directory with what is followed: open the new, drop the gone."""
        if node.cgroup.level is Level.CONTAINER or (found := self._listed(node)) is None:
            return
        for inode in node.children.keys() - found.keys():
            self.drop(node.children[inode])
        self._forget_unopened(node, found.keys())
        for inode in found.keys() - node.children.keys():
            below = cgroup_paths.child(node.cgroup, found[inode], inode)
            if below is not None:
                self._follow(below, node)

    def _listed(self, node: CounterNode) -> dict[int, str] | None:
        """Give the names below a cgroup by inode; None: its directory cannot be read."""
        inode = node.cgroup.inode
        try:
            listed = list(islice(files.children(node.directory), MAX_CHILDREN + 1))
        except OSError as error:
            self.unreadable += 1
            self.unlisted[inode] = _reason(error)
            return None
        if len(listed) > MAX_CHILDREN:
            self.unlisted[inode] = f"more than {MAX_CHILDREN} cgroups"
        else:
            self.unlisted.pop(inode, None)
        return {inode: name for name, inode in listed}

    def _forget_unopened(self, node: CounterNode, found: Collection[int]) -> None:
        for inode, one in list(self.unopened.items()):
            if one.parent is node and inode not in found:
                del self.unopened[inode]
                self.lost(one.cgroup, node)

    def partly_seen(self) -> list[CounterNode]:
        """Give the cgroups of which not all children are followed."""
        above = {one.parent.cgroup.inode: one.parent for one in self.unopened.values()}
        unlisted = (self.nodes.get(inode) for inode in self.unlisted)
        return list((above | {n.cgroup.inode: n for n in unlisted if n is not None}).values())

    def rescan_all(self, node: CounterNode) -> None:
        """Compare the whole tree: what directory watches missed."""
        self.rescan(node)
        for child in list(node.children.values()):
            self.rescan_all(child)

    def drop(self, node: CounterNode) -> None:
        """Stop following a cgroup and what is below it."""
        for child in list(node.children.values()):
            self.drop(child)
        self._forget_unopened(node, frozenset())
        self.unlisted.pop(node.cgroup.inode, None)
        if node.parent is not None:
            node.parent.children.pop(node.cgroup.inode, None)
        self.nodes.pop(node.cgroup.inode, None)
        self.vanished(node)
        node.close()

    def sweep(self, node: CounterNode, *, force: bool = False) -> list[Reading]:
        """Read a cgroup, then what is below it where its counters moved; `force`: everywhere.

        What vanishes on the way is dropped, and said so.
        """
        try:
            events = node.read()
        except CgroupGoneError:
            self.drop(node)
            return []
        except OSError:
            events = None
        if events is None:
            self.unreadable += 1
            return []
        moved = node.last is None or _kills(events) != _kills(node.last)
        node.last = events
        if not (moved or force):
            return []
        return [self._look(node, events), *self._sweep_children(node, force=force)]

    def sweep_late(self) -> tuple[list[int], list[Reading]]:
        """Read what was found or opened late, in one moment with the cgroup above it.

        Gives their inodes. What was counted there before may have been told above.
        """
        late, self._late = [n for n in self._late if n.cgroup.inode in self.nodes], []
        readings = [reading for node in late for reading in self._sweep_one_late(node)]
        return [node.cgroup.inode for node in late], readings

    def _sweep_one_late(self, node: CounterNode) -> list[Reading]:
        readings: list[Reading] = []
        for _ in range(LATE_TRIES):
            above = self._read_above(node)
            readings += above
            readings += self.sweep(node, force=True)
            again = self._read_above(node)
            if again == above or node.cgroup.inode not in self.nodes:
                break
        return readings

    def _read_above(self, node: CounterNode) -> list[Reading]:
        try:
            events = node.parent.read() if node.parent else None
        except (CgroupGoneError, OSError):
            return []
        return [self._look(node.parent, events)] if node.parent and events else []

    def limit_changed(self, node: CounterNode) -> list[Reading]:
        """Read memory.max anew after it was written."""
        try:
            node.read_limit()
        except (CgroupGoneError, OSError):
            return []
        return [Reading(node.cgroup.inode, node.last, None, node.limit)] if node.last else []

    def _look(self, node: CounterNode, events: MemoryEvents) -> Reading:
        try:
            local, limit = node.read_local(), node.read_limit()
        except (CgroupGoneError, OSError):  # what was read before still holds
            local, limit = None, node.limit
        return Reading(node.cgroup.inode, events, local, limit)

    def _sweep_children(self, node: CounterNode, *, force: bool) -> list[Reading]:
        below = list(node.children.values())
        return [reading for child in below for reading in self.sweep(child, force=force)]

    def _follow(self, cgroup: Cgroup, parent: CounterNode) -> None:
        try:
            node = open_node(self.root, cgroup, parent)
        except CgroupGoneError:
            return
        except OSError as error:  # out of descriptors, say: the next rescan tries again
            self.unreadable += cgroup.inode not in self.unopened
            self.unopened[cgroup.inode] = UnopenedCgroup(cgroup, parent, _reason(error))
            return
        if self.unopened.pop(cgroup.inode, None) or parent.cgroup.inode in self.blind:
            self._late.append(node)
        parent.children[cgroup.inode] = node
        self.nodes[cgroup.inode] = node
        self.appeared(node)
        self.rescan(node)


def _reason(error: OSError) -> str:
    return os.strerror(error.errno or errno.EIO)


def _kills(events: MemoryEvents) -> tuple[int, int, int | None]:
    return events.oom, events.oom_kill, events.oom_group_kill
