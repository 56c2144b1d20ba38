"""The kubelet's cgroups as a tree of open descriptors, read from the parents to the children.

Used by one thread only. It reads only counters, never a file that can block.
"""

import errno
import os
from collections.abc import Callable, Collection
from itertools import islice

from msgspec import Struct, field

from oomwarden.core.ledger.account import Reading
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level
from oomwarden.core.parse import cgroup_paths
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.counter_files import CounterNode, UnopenedCgroup, open_node
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.kubepods import MAX_CHILDREN

LATE_TRIES = 5
"""Attempts to read a cgroup and its parent without a change in between."""


class CounterTree(Struct):
    """All tracked cgroups of the node.

    Attributes:
        root: The cgroup2 mount.
        appeared: Called for each cgroup after it is opened.
        vanished: Called for each cgroup when it is dropped, before its descriptors are closed.
        removed_unopened: Called with a cgroup that was removed before it was open, and its parent.
        nodes: The tracked cgroups, by inode.
        unreadable: Number of times that a cgroup's files could not be read or parsed.
        unopened: Cgroups whose files could not be opened, by inode.
        unlisted: Why a directory could not be listed completely, by inode.
        polled: Inodes of cgroups that are polled, because they have no inotify watch or not all
            children could be opened. A kill may be counted there before a new child is found.
    """

    root: CgroupRoot
    appeared: Callable[[CounterNode], None]
    vanished: Callable[[CounterNode], None]
    removed_unopened: Callable[[Cgroup, CounterNode], None] = field(default=lambda *_: None)
    nodes: dict[int, CounterNode] = field(default_factory=dict)
    unreadable: int = 0
    unopened: dict[int, UnopenedCgroup] = field(default_factory=dict)
    unlisted: dict[int, str] = field(default_factory=dict)
    polled: frozenset[int] = frozenset()
    _late: list[CounterNode] = field(default_factory=list)

    def start(self, kubepods: Cgroup) -> CounterNode:
        """Open the root of all pods and everything below it.

        Raises:
            CgroupGoneError: The root was removed.
            OSError: Its files could not be opened.
        """
        node = open_node(self.root, kubepods, None)
        self.nodes[kubepods.inode] = node
        self.appeared(node)
        self.rescan(node)
        return node

    def rescan(self, node: CounterNode) -> None:
        """List a cgroup's directory, open new children and drop removed ones."""
        if node.cgroup.level is Level.CONTAINER or (found := self._list_children(node)) is None:
            return
        for inode in node.children.keys() - found.keys():
            self.drop(node.children[inode])
        self._forget_unopened(node, found.keys())
        for inode in found.keys() - node.children.keys():
            below = cgroup_paths.child(node.cgroup, found[inode], inode)
            if below is not None:
                self._track(below, node)

    def _list_children(self, node: CounterNode) -> dict[int, str] | None:
        """Return the names of a cgroup's children by inode, None if it cannot be listed."""
        inode = node.cgroup.inode
        try:
            links = files.links(node.directory)  # before the list, which may have more by then
            listed = list(islice(files.children(node.directory), MAX_CHILDREN + 1))
        except OSError as error:
            self.unreadable += 1
            self.unlisted[inode], node.links = os.strerror(error.errno or errno.EIO), None
            return None
        node.links = links
        if len(listed) > MAX_CHILDREN:
            self.unlisted[inode] = f"more than {MAX_CHILDREN} cgroups"
        else:
            self.unlisted.pop(inode, None)
        return {inode: name for name, inode in listed}

    def _forget_unopened(self, node: CounterNode, found: Collection[int]) -> None:
        for inode, one in list(self.unopened.items()):
            if one.parent is node and inode not in found:
                del self.unopened[inode]
                self.removed_unopened(one.cgroup, node)

    def incomplete_nodes(self) -> list[CounterNode]:
        """Return the cgroups with children that are not tracked."""
        above = {one.parent.cgroup.inode: one.parent for one in self.unopened.values()}
        unlisted = (self.nodes.get(inode) for inode in self.unlisted)
        return list((above | {n.cgroup.inode: n for n in unlisted if n is not None}).values())

    def rescan_all(self, node: CounterNode, *, force: bool = True) -> None:
        """Rescan the whole tree, which finds what directory watches missed.

        Args:
            node: The cgroup to begin with.
            force: Whether to list every directory. If not, those of pods are left out, and others
                that have as many children as at the last list; what has to be tried again is not.
        """
        if force or self._has_other_children(node):
            self.rescan(node)
        for child in list(node.children.values()):
            if child.cgroup.level is not Level.CONTAINER:
                self.rescan_all(child, force=force)

    def _has_other_children(self, node: CounterNode) -> bool:
        if node.links is not None and node.cgroup.level is Level.POD:
            return False
        try:
            return files.links(node.directory) != node.links
        except OSError:
            return True

    def drop(self, node: CounterNode) -> None:
        """Stop tracking a cgroup and everything below it."""
        for child in list(node.children.values()):
            self.drop(child)
        self._forget_unopened(node, frozenset())
        self.unlisted.pop(node.cgroup.inode, None)
        if node.parent is not None:
            node.parent.children.pop(node.cgroup.inode, None)
        self.nodes.pop(node.cgroup.inode, None)
        self.vanished(node)
        node.close()

    def close(self) -> None:
        """Close all descriptors; the tree tracks nothing any more."""
        for node in self.nodes.values():
            node.close()
        self.nodes.clear()

    def sweep(self, node: CounterNode, *, force: bool = False) -> list[Reading]:
        """Read a cgroup's counters and, if they moved, those of its children, recursively.

        Removed cgroups are dropped, which calls `vanished`.

        Args:
            node: The cgroup to begin with.
            force: Whether to descend even if the counters did not move.
        """
        try:
            events = node.read_events()
        except CgroupGoneError:
            self.drop(node)
            return []
        except OSError:
            events = None
        if events is None:
            self.unreadable += 1
            return []
        moved = node.last_events is None or events.hierarchical != node.last_events.hierarchical
        node.last_events = events
        if not (moved or force):
            return []
        found = [self._reading(node, events)]
        for child in list(node.children.values()):
            found += self.sweep(child, force=force)
        return found

    def is_unmoved(self, node: CounterNode) -> bool:
        """Return whether a cgroup has counted no kill since it was swept."""
        try:
            events, before = node.read_events(), node.last_events
        except (CgroupGoneError, OSError):
            return False
        return (
            events is not None and before is not None and events.hierarchical == before.hierarchical
        )

    def sweep_late(self) -> tuple[list[int], list[Reading]]:
        """Read the cgroups that were found or opened late, each consistently with its parent.

        Returns:
            The inodes of those cgroups, and the readings. Their earlier kills may have been
            attributed to the parent.
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
            events = node.parent.read_events() if node.parent else None
        except (CgroupGoneError, OSError):
            return []
        return [self._reading(node.parent, events)] if node.parent and events else []

    def read_changed_limit(self, node: CounterNode) -> list[Reading]:
        """Read memory.max again after it was written.

        The counters of a new container were not read yet: it has killed nothing, and the runtime
        sets its limit after it has made its mounts, by which it is named.
        """
        try:
            node.read_limit()
            events = node.last_events or node.read_events()
        except (CgroupGoneError, OSError):
            return []
        return [Reading(node.cgroup.inode, events, None, node.limit)] if events else []

    def _reading(self, node: CounterNode, events: KillCounters) -> Reading:
        try:
            local, limit = node.read_local_events(), node.read_limit()
        except (CgroupGoneError, OSError):  # the last values are still valid
            local, limit = None, node.limit
        return Reading(node.cgroup.inode, events, local, limit)

    def _track(self, cgroup: Cgroup, parent: CounterNode) -> None:
        try:
            node = open_node(self.root, cgroup, parent)
        except CgroupGoneError:  # or it has no memory controller yet
            parent.links = None
            return
        except OSError as error:  # for example EMFILE; the next rescan retries
            self.unreadable += cgroup.inode not in self.unopened
            self.unopened[cgroup.inode] = UnopenedCgroup(
                cgroup, parent, os.strerror(error.errno or errno.EIO)
            )
            return
        if self.unopened.pop(cgroup.inode, None) or parent.cgroup.inode in self.polled:
            self._late.append(node)
        parent.children[cgroup.inode] = node
        self.nodes[cgroup.inode] = node
        self.appeared(node)
        self.rescan(node)
