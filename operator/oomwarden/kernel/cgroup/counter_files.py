"""The counters of one cgroup, read through descriptors that stay open."""

import os

from msgspec import Struct, field

from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level
from oomwarden.core.parse.flat_keyed import parse_limit, parse_memory_events
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.descriptors import check_reserve
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot


class CounterNode(Struct, eq=False):
    """A tracked cgroup, with open descriptors of its directory and its counter files.

    Attributes:
        cgroup: The cgroup.
        parent: The node above it; None for the root of all pods.
        directory: Descriptor of the cgroup's directory.
        events_fd: Descriptor of memory.events.
        limit_fd: Descriptor of memory.max.
        local_fd: Descriptor of memory.events.local; None for containers.
        children: The tracked cgroups below it, by inode.
        last_events: The counters at the last read.
        limit: The last known memory.max in bytes; None if there was no limit.
        links: Link count of its directory when its children were listed last.
    """

    cgroup: Cgroup
    parent: "CounterNode | None"
    directory: int
    events_fd: int
    limit_fd: int
    local_fd: int | None
    children: dict[int, "CounterNode"] = field(default_factory=dict)
    last_events: KillCounters | None = None
    limit: int | None = None
    links: int | None = None

    def read_events(self) -> KillCounters | None:
        """Read memory.events. Return None if the content is torn.

        Raises:
            CgroupGoneError: The cgroup was removed.
        """
        return parse_memory_events(files.read(self.events_fd))

    def read_local_events(self) -> KillCounters | None:
        """Read memory.events.local (Linux 5.2 or later). Return None if it is not open or torn."""
        return parse_memory_events(files.read(self.local_fd)) if self.local_fd else None

    def read_limit(self) -> int | None:
        """Read memory.max in bytes, and remember it for after the cgroup is removed.

        Returns:
            The last known limit, or None if no limit is known.
        """
        try:
            self.limit = parse_limit(files.read(self.limit_fd)) or self.limit
        except ValueError:
            return self.limit
        return self.limit

    def close(self) -> None:
        """Close all descriptors."""
        for fd in (self.directory, self.events_fd, self.limit_fd, self.local_fd):
            if fd is not None:
                os.close(fd)


class UnopenedCgroup(Struct, frozen=True):
    """A cgroup that exists but whose files could not be opened.

    Attributes:
        cgroup: The cgroup.
        parent: The tracked cgroup above it.
        reason: The kernel's error message.
    """

    cgroup: Cgroup
    parent: CounterNode
    reason: str


def open_node(root: CgroupRoot, cgroup: Cgroup, parent: CounterNode | None) -> CounterNode:
    """Open a cgroup's directory and counter files.

    Raises:
        CgroupGoneError: The cgroup was removed, or another cgroup now has its path.
        OSError: A file could not be opened; EMFILE if only the reserved descriptors are left.
    """
    directory = root.open_directory(cgroup.path)
    opened = [directory]
    try:
        _check_inode(directory, cgroup)
        opened.append(files.open_at(directory, "memory.events"))
        opened.append(files.open_at(directory, "memory.max"))
        if cgroup.level is not Level.CONTAINER:
            opened.append(files.open_at(directory, "memory.events.local"))
        check_reserve(max(opened))
    except BaseException:
        for fd in opened:
            os.close(fd)
        raise
    local = opened[3] if len(opened) > 3 else None  # noqa: PLR2004 - the fourth
    return CounterNode(cgroup, parent, directory, opened[1], opened[2], local)


def _check_inode(directory: int, cgroup: Cgroup) -> None:
    if files.inode(directory) != cgroup.inode:
        raise CgroupGoneError(cgroup.path)
