"""The counters of one cgroup: descriptors of its directory and files, kept open."""

import os
from dataclasses import dataclass, field

from oomwarden.core.model.cgroup import Cgroup, Level, MemoryEvents
from oomwarden.core.parse.flat_keyed import parse_limit, parse_memory_events
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.descriptors import leave_reserve
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot


@dataclass(slots=True, eq=False)
class CounterNode:
    """A cgroup that is followed: descriptors of its directory and of its counters."""

    cgroup: Cgroup
    parent: "CounterNode | None"
    directory: int
    events_fd: int
    limit_fd: int
    local_fd: int | None
    children: dict[int, "CounterNode"] = field(default_factory=dict)
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


@dataclass(frozen=True, slots=True)
class UnopenedCgroup:
    """A cgroup that is there and whose files cannot be opened; `why` as the kernel says."""

    cgroup: Cgroup
    parent: CounterNode
    why: str


def open_node(root: CgroupRoot, cgroup: Cgroup, parent: CounterNode | None) -> CounterNode:
    """Open a cgroup's directory and counters.

    Raises:
        CgroupGoneError: it was removed, or another one has taken its name.
        OSError: its files cannot be opened; EMFILE when only the reserve of descriptors is left.
    """
    directory = root.open_directory(cgroup.path)
    opened = [directory]
    try:
        _expect(directory, cgroup)
        opened.append(files.open_at(directory, "memory.events"))
        opened.append(files.open_at(directory, "memory.max"))
        if cgroup.level is not Level.CONTAINER:
            opened.append(files.open_at(directory, "memory.events.local"))
        leave_reserve(max(opened))
    except BaseException:
        for fd in opened:
            os.close(fd)
        raise
    local = opened[3] if len(opened) > 3 else None  # noqa: PLR2004 - the fourth
    return CounterNode(cgroup, parent, directory, opened[1], opened[2], local)


def _expect(directory: int, cgroup: Cgroup) -> None:
    if files.inode(directory) != cgroup.inode:
        raise CgroupGoneError(cgroup.path)
