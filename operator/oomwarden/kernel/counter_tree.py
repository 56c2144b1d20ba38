"""The kubelet's cgroups as a tree of kept descriptors: read the parent first, then its children.

Used by one thread only. Reads counters, and nothing that can block.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from oomwarden.core import cgroup_paths
from oomwarden.core.accounts import Reading
from oomwarden.core.facts import Cgroup, Level, MemoryEvents
from oomwarden.core.flat_keyed import parse_limit, parse_memory_events
from oomwarden.kernel import cgroup as files
from oomwarden.kernel.cgroup import CgroupGoneError, CgroupRoot

MAX_CHILDREN = 4096
"""Bounds the work on a directory; a node has 250 pods at most by default."""


@dataclass(slots=True, eq=False)
class Node:
    """A cgroup that is followed: descriptors of its directory and of its counters."""

    cgroup: Cgroup
    parent: "Node | None"
    directory: int
    events_fd: int
    limit_fd: int
    local_fd: int | None
    children: dict[int, "Node"] = field(default_factory=dict)
    last: MemoryEvents | None = None
    limit: int | None = None

    def read(self) -> MemoryEvents | None:
        """Read memory.events; None for a torn file. Raises CgroupGoneError."""
        return parse_memory_events(files.read(self.events_fd))

    def read_local(self) -> MemoryEvents | None:
        """Read memory.events.local (since Linux 5.2); None where there is none."""
        return parse_memory_events(files.read(self.local_fd)) if self.local_fd else None

    def read_limit(self) -> int | None:
        """Read memory.max in bytes, kept for when the cgroup is gone; None: no limit known."""
        try:
            self.limit = parse_limit(files.read(self.limit_fd)) or self.limit
        except ValueError:
            return self.limit
        return self.limit

    def close(self) -> None:
        """Give the descriptors back."""
        for fd in (self.directory, self.events_fd, self.limit_fd, self.local_fd):
            if fd is not None:
                os.close(fd)


def open_node(root: CgroupRoot, cgroup: Cgroup, parent: Node | None) -> Node:
    """Open a cgroup's directory and counters.

    Raises:
        CgroupGoneError: it was removed, or another one has taken its name.
    """
    directory = root.open_directory(cgroup.path)
    opened = [directory]
    try:
        _expect(directory, cgroup)
        opened.append(files.open_at(directory, "memory.events"))
        opened.append(files.open_at(directory, "memory.max"))
        local = None
        if cgroup.level is not Level.CONTAINER:
            local = files.open_at(directory, "memory.events.local")
    except BaseException:
        for fd in opened:
            os.close(fd)
        raise
    return Node(cgroup, parent, directory, opened[1], opened[2], local)


def _expect(directory: int, cgroup: Cgroup) -> None:
    if files.inode(directory) != cgroup.inode:
        raise CgroupGoneError(cgroup.path)


def find_kubepods(root: CgroupRoot, depth: int = 3) -> Cgroup | None:
    """Find the root of all pods, also below a nested kubelet's own cgroup (kind: /kubelet)."""
    level = [""]
    for _ in range(depth):
        below: list[str] = []
        for path in level:
            for name, inode in _list(root, path):
                if cgroup_paths.is_kubepods(name):
                    return Cgroup(inode, f"{path}/{name}".lstrip("/"), Level.KUBEPODS)
                below.append(f"{path}/{name}")
        level = below
    return None


def _list(root: CgroupRoot, path: str) -> list[tuple[str, int]]:
    try:
        directory = root.open_directory(path) if path else os.open(root.path, os.O_RDONLY)
    except CgroupGoneError:
        return []
    try:
        return list(files.children(directory))
    finally:
        os.close(directory)


@dataclass(slots=True)
class CounterTree:
    """All followed cgroups of the node, and what changed among them."""

    root: CgroupRoot
    appeared: Callable[[Node], None]
    vanished: Callable[[Node], None]
    nodes: dict[int, Node] = field(default_factory=dict)
    unreadable: int = 0  # times that a cgroup's files could not be read or understood

    def start(self, kubepods: Cgroup) -> Node:
        """Open the root of all pods and everything below it."""
        node = open_node(self.root, kubepods, None)
        self.nodes[kubepods.inode] = node
        self.appeared(node)
        self.rescan(node)
        return node

    def rescan(self, node: Node) -> None:
        """Compare a cgroup's directory with what is followed: open the new, drop the gone."""
        if node.cgroup.level is Level.CONTAINER:
            return
        listed = list(files.children(node.directory))[:MAX_CHILDREN]
        found = {inode: name for name, inode in listed}
        for inode in node.children.keys() - found.keys():
            self.drop(node.children[inode])
        for inode in found.keys() - node.children.keys():
            below = cgroup_paths.child(node.cgroup, found[inode], inode)
            if below is not None:
                self._follow(below, node)

    def rescan_all(self, node: Node) -> None:
        """Compare the whole tree: what directory watches missed."""
        self.rescan(node)
        for child in list(node.children.values()):
            self.rescan_all(child)

    def drop(self, node: Node) -> None:
        """Stop following a cgroup and what is below it."""
        for child in list(node.children.values()):
            self.drop(child)
        if node.parent is not None:
            node.parent.children.pop(node.cgroup.inode, None)
        self.nodes.pop(node.cgroup.inode, None)
        self.vanished(node)
        node.close()

    def sweep(self, node: Node, *, force: bool = False) -> list[Reading]:
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

    def limit_changed(self, node: Node) -> list[Reading]:
        """Read memory.max anew after it was written."""
        try:
            node.read_limit()
        except (CgroupGoneError, OSError):
            return []
        return [Reading(node.cgroup.inode, node.last, None, node.limit)] if node.last else []

    def _look(self, node: Node, events: MemoryEvents) -> Reading:
        try:
            local, limit = node.read_local(), node.read_limit()
        except (CgroupGoneError, OSError):  # what was read before still holds
            local, limit = None, node.limit
        return Reading(node.cgroup.inode, events, local, limit)

    def _sweep_children(self, node: Node, *, force: bool) -> list[Reading]:
        below = list(node.children.values())
        return [reading for child in below for reading in self.sweep(child, force=force)]

    def _follow(self, cgroup: Cgroup, parent: Node) -> None:
        try:
            node = open_node(self.root, cgroup, parent)
        except CgroupGoneError:
            return
        except OSError:  # out of descriptors, say: the next rescan tries again
            self.unreadable += 1
            return
        parent.children[cgroup.inode] = node
        self.nodes[cgroup.inode] = node
        self.appeared(node)
        self.rescan(node)


def _kills(events: MemoryEvents) -> tuple[int, int, int | None]:
    return events.oom, events.oom_kill, events.oom_group_kill
