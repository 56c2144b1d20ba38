"""The memory events of pods and containers, through descriptors that stay open."""

import os
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct, field

from oomwarden.core.model.cgroup import Cgroup, LimitHits, MemoryEvents
from oomwarden.core.parse.flat_keyed import parse_events, parse_limit_hits
from oomwarden.core.parse.pressure import MemoryStalls, parse_pressure
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.descriptors import check_reserve
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.members import open_container

PodCgroups = Sequence[tuple[Cgroup, Sequence[Cgroup]]]
"""Each pod with its containers."""
_ALL, _OWN = "memory.events", "memory.events.local"


class EventReadings(NamedTuple):
    """Counters by cgroup inode.

    Attributes:
        own: How often a cgroup's own limit was hit (memory.events.local).
        events: What was counted in a cgroup and below it (memory.events).
    """

    own: dict[int, LimitHits]
    events: dict[int, MemoryEvents]


class LimitHitFiles(Struct):
    """Reads only what has moved: a level counts the hits of all levels below it.

    On a calm node that is one read. Not thread-safe.

    Attributes:
        root: The cgroup2 mount.
        unreadable: Number of failed reads.
    """

    root: CgroupRoot
    unreadable: int = 0
    _open: dict[tuple[int, str], int] = field(default_factory=dict)
    _seen: dict[int, bytes] = field(default_factory=dict)
    """memory.events at the last look."""
    _top: int = 0

    def has_moved(self, top: Cgroup) -> bool:
        """Return whether a counter below a cgroup has risen since the last call."""
        self._top = top.inode
        return self._moved(top)

    def read(self, pods: PodCgroups) -> EventReadings:
        """Read the pods with events since the last call, and their containers.

        Args:
            pods: All pods. The files of others are closed.
        """
        live = {each.inode for pod, below in pods for each in (pod, *below)}
        self._close_all_but(live | {self._top})
        found = EventReadings({}, {})
        for pod, containers in pods:
            if self._moved(pod):
                self._read_pod(pod, containers, found)
        return found

    def _read_pod(self, pod: Cgroup, containers: Sequence[Cgroup], found: EventReadings) -> None:
        counted = found.events[pod.inode] = parse_events(self._seen[pod.inode])
        if counted and not any(counted.values()):  # nor was anything counted below it
            found.own.update({each.inode: LimitHits() for each in (pod, *containers)})
            found.events.update({each.inode: counted for each in containers})
            return
        for each in containers:
            found.events[each.inode] = parse_events(self._read(each, _ALL))
        own = {each.inode: self._own(each) for each in (pod, *containers)}
        found.own.update({inode: hits for inode, hits in own.items() if hits is not None})

    def close(self) -> None:
        """Close all descriptors."""
        self._close_all_but(set())

    def _moved(self, cgroup: Cgroup) -> bool:
        text = self._read(cgroup, _ALL)
        before, self._seen[cgroup.inode] = self._seen.get(cgroup.inode), text
        return text != before

    def _own(self, cgroup: Cgroup) -> LimitHits | None:
        return parse_limit_hits(self._read(cgroup, _OWN))

    def _read(self, cgroup: Cgroup, name: str) -> bytes:
        """Return a file's text; empty if the cgroup is gone or the file cannot be read."""
        try:
            return files.read(self._file(cgroup, name))
        except CgroupGoneError:
            self._drop((cgroup.inode, name))
        except OSError:  # for example EMFILE; a later round retries
            self._drop((cgroup.inode, name))
            self.unreadable += 1
        return b""

    def _file(self, cgroup: Cgroup, name: str) -> int:
        fd = self._open.get((cgroup.inode, name))
        if fd is None:
            with open_container(self.root, cgroup) as directory:
                fd = self._open[cgroup.inode, name] = files.open_at(directory, name)
            check_reserve(fd)
        return fd

    def _close_all_but(self, live: set[int]) -> None:
        for key in [key for key in self._open if key[0] not in live]:
            self._drop(key)
        for inode in self._seen.keys() - live:
            del self._seen[inode]

    def _drop(self, key: tuple[int, str]) -> None:
        fd = self._open.pop(key, None)
        if fd is not None:
            os.close(fd)


def read_stalls(root: CgroupRoot, cgroup: Cgroup) -> MemoryStalls | None:
    """Read how long tasks of a cgroup waited for memory; None if the kernel does not measure it.

    The file is missing without CONFIG_PSI, and cannot be read with psi=0.
    """
    try:
        with open_container(root, cgroup) as directory:
            text = files.read_at(directory, "memory.pressure")
        return parse_pressure(text.decode("ascii"))
    except (CgroupGoneError, OSError, ValueError):
        return None
