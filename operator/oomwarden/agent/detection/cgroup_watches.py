"""The watches on cgroups. One that the kernel refuses is known as missing, and tried again.

Watches and instances are counted per user: all root processes of the node share one number, also
those of containers (Linux fs/notify/inotify/inotify_user.c, inotify_new_watch: UCOUNT_INOTIFY_*).
"""

import errno
import os
import time
from dataclasses import dataclass, field

from oomwarden.core.model.cgroup import Level
from oomwarden.kernel import inotify
from oomwarden.kernel.cgroup.counter_files import CounterNode
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.inotify import Inotify, InotifyEvent

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 1.0, 30.0
_DIRECTORY = inotify.IN_CREATE | inotify.IN_DELETE | inotify.IN_ONLYDIR
_LIMIT, _COUNTERS = "memory.max", "memory.events"
_GONE = {errno.ENOENT, errno.ENODEV, errno.ENOTDIR}


@dataclass(frozen=True, slots=True)
class _WantedWatch:
    """A watch on a cgroup's directory, or on a file in it."""

    node: CounterNode
    file: str = ""

    @property
    def key(self) -> tuple[int, str]:
        return (self.node.cgroup.inode, self.file)


@dataclass(slots=True)
class CgroupWatches:
    """Used by the detector's thread only, but for `wake`. Watches on limits make room for others.

    `refused`: why the last one was, by errno; None: all are there.
    """

    root: CgroupRoot
    inotify: Inotify = field(default_factory=Inotify)
    refused: int | None = None
    _by_watch: dict[int, _WantedWatch] = field(default_factory=dict)
    _by_key: dict[tuple[int, str], int] = field(default_factory=dict)
    _missing: dict[tuple[int, str], _WantedWatch] = field(default_factory=dict)
    _gap: float = FIRST_RETRY_SECONDS
    _due: float = 0.0

    def follow(self, node: CounterNode) -> None:
        """Watch a cgroup: its directory, or a container's limit."""
        self._want(_WantedWatch(node, _LIMIT if node.cgroup.level is Level.CONTAINER else ""))

    def follow_counters(self, top: CounterNode) -> None:
        """Watch the counters of the root of all pods: whatever is counted below moves them."""
        self._want(_WantedWatch(top, _COUNTERS))

    def drop(self, node: CounterNode) -> None:
        """End what watches a cgroup."""
        for file in ("", _LIMIT, _COUNTERS):
            key = (node.cgroup.inode, file)
            self._missing.pop(key, None)
            watch = self._by_key.pop(key, -1)
            wish = self._by_watch.get(watch)
            if wish is not None and wish.node is node:  # not one that has taken its name
                self.inotify.remove(watch)
                del self._by_watch[watch]
        if not self._missing:
            self.refused = None

    def node(self, watch: int) -> CounterNode | None:
        """Give the cgroup whose directory or limit a watch is on."""
        wish = self._by_watch.get(watch)
        return wish.node if wish is not None and wish.file != _COUNTERS else None

    @property
    def missing(self) -> int:
        """Count the watches that the kernel has refused."""
        return len(self._missing)

    @property
    def is_blind(self) -> bool:
        """Whether anything but limits goes unwatched."""
        return any(wish.file != _LIMIT for wish in self._missing.values())

    def unwatched(self) -> list[CounterNode]:
        """Give the cgroups below which others come and go untold."""
        return [wish.node for wish in self._missing.values() if not wish.file]

    def retry(self) -> list[CounterNode]:
        """Try the missing ones again when it is time; gives the directories that are watched now.

        The first that is refused for want of room ends it: the others wait for the next time.
        """
        now = time.monotonic()
        if not self._missing or now < self._due:
            return []
        found: list[CounterNode] = []
        wishes = sorted(self._missing.values(), key=lambda wish: wish.file == _LIMIT)
        for wish in wishes:
            if self._want(wish) and not wish.file:
                found.append(wish.node)
            elif wish.key in self._missing and self.refused not in _GONE:
                break
        self._gap = min(self._gap * 2, LAST_RETRY_SECONDS)
        self._due = now + self._gap
        return found

    def retry_in(self) -> float | None:
        """Give the seconds until `retry` does something; None: nothing is missing."""
        return max(self._due - time.monotonic(), 0.0) if self._missing else None

    def hear(self, seconds: float) -> list[InotifyEvent]:
        """Wait for events; also without an instance, then only for `wake` and the time."""
        return self.inotify.wait(seconds)

    def wake(self) -> None:
        """End a wait of another thread."""
        self.inotify.wake()

    def close(self) -> None:
        """Give the instance back, of which a user has few."""
        self.inotify.close()

    def _want(self, wish: _WantedWatch) -> bool:
        while (code := self._add(wish)) is not None:
            if code == errno.ENOSPC and wish.file != _LIMIT and self._make_room():
                continue
            if not self._missing:
                self._gap, self._due = FIRST_RETRY_SECONDS, time.monotonic() + FIRST_RETRY_SECONDS
            self._missing[wish.key], self.refused = wish, code
            return False
        self._missing.pop(wish.key, None)
        if not self._missing:
            self.refused = None
        return True

    def _add(self, wish: _WantedWatch) -> int | None:
        """Add a watch; gives the error's number where there is none."""
        path = self.root.absolute(wish.node.cgroup.path)
        try:
            self.inotify.open()
            if wish.file:
                watch = self.inotify.add(path / wish.file, inotify.IN_MODIFY)
            else:
                watch = self.inotify.add(path, _DIRECTORY)
        except OSError as error:
            return error.errno or errno.EIO
        self._by_watch[watch], self._by_key[wish.key] = wish, watch
        return None

    def _make_room(self) -> bool:
        """Give up the watch on a limit: it is read at each kill and each reconcile anyway."""
        watch = next((w for w, wish in self._by_watch.items() if wish.file == _LIMIT), None)
        if watch is None:
            return False
        wish = self._by_watch.pop(watch)
        del self._by_key[wish.key]
        self.inotify.remove(watch)
        self._missing[wish.key], self.refused = wish, errno.ENOSPC
        return True

    def why(self) -> str:
        """Say why watches are missing; empty: none is, or only those of what is being removed."""
        if not self._missing or self.refused is None or self.refused in _GONE:
            return ""
        return os.strerror(self.refused)
