"""inotify watches on cgroups. A watch that the kernel refuses is kept as missing and retried.

The kernel limits watches and instances per user: all root processes of the node share one limit,
including those in containers (Linux fs/notify/inotify/inotify_user.c, inotify_new_watch:
UCOUNT_INOTIFY_*).
"""

import errno
import os
import time

from msgspec import Struct, field

from oomwarden.core.model.cgroup import Level
from oomwarden.kernel import inotify
from oomwarden.kernel.cgroup.counter_files import CounterNode
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.inotify import Inotify, InotifyEvent

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 1.0, 30.0
_DIRECTORY = inotify.IN_CREATE | inotify.IN_DELETE | inotify.IN_ONLYDIR
_LIMIT, _COUNTERS = "memory.max", "memory.events"
_GONE = {errno.ENOENT, errno.ENODEV, errno.ENOTDIR}


class _WantedWatch(Struct, frozen=True):
    """A watch on a cgroup's directory, or on a file in it."""

    node: CounterNode
    file: str = ""

    @property
    def key(self) -> tuple[int, str]:
        return (self.node.cgroup.inode, self.file)


class CgroupWatches(Struct):
    """The set of watches, used by the detector's thread only, except for `wake`.

    Directories and the counters of kubepods come first: a watch on a limit is removed if the
    kernel has no room for them.
    """

    root: CgroupRoot
    inotify: Inotify = field(default_factory=Inotify)
    refused: int | None = None
    """The errno of the last refused watch; None if no watch is missing."""
    _by_watch: dict[int, _WantedWatch] = field(default_factory=dict)
    _by_key: dict[tuple[int, str], int] = field(default_factory=dict)
    _missing: dict[tuple[int, str], _WantedWatch] = field(default_factory=dict)
    _retry_delay: float = FIRST_RETRY_SECONDS
    _retry_at: float = 0.0

    def watch(self, node: CounterNode) -> None:
        """Watch a cgroup's directory or, for a container, its memory.max."""
        self._ensure(_WantedWatch(node, _LIMIT if node.cgroup.level is Level.CONTAINER else ""))

    def watch_counters(self, top: CounterNode) -> None:
        """Watch memory.events of kubepods, which changes with every count below it."""
        self._ensure(_WantedWatch(top, _COUNTERS))

    def drop(self, node: CounterNode) -> None:
        """Remove all watches on a cgroup."""
        for file in ("", _LIMIT, _COUNTERS):
            key = (node.cgroup.inode, file)
            self._missing.pop(key, None)
            watch = self._by_key.pop(key, -1)
            wanted = self._by_watch.get(watch)
            if wanted is not None and wanted.node is node:  # not a later cgroup of the same name
                self.inotify.remove(watch)
                del self._by_watch[watch]
        if not self._missing:
            self.refused = None

    def node(self, watch: int) -> CounterNode | None:
        """Return the cgroup whose directory or limit has this watch."""
        wanted = self._by_watch.get(watch)
        return wanted.node if wanted is not None and wanted.file != _COUNTERS else None

    @property
    def missing(self) -> int:
        """The number of watches that the kernel refused."""
        return len(self._missing)

    @property
    def is_blind(self) -> bool:
        """Whether a watch other than one on a limit is missing."""
        return any(wanted.file != _LIMIT for wanted in self._missing.values())

    def unwatched(self) -> list[CounterNode]:
        """Return the cgroups whose directories have no watch."""
        return [wanted.node for wanted in self._missing.values() if not wanted.file]

    def retry(self) -> list[CounterNode]:
        """Retry the missing watches if the back-off has passed.

        It stops at the first refusal that is about room: the others wait for the next retry.

        Returns:
            The cgroups whose directories are watched now.
        """
        now = time.monotonic()
        if not self._missing or now < self._retry_at:
            return []
        found: list[CounterNode] = []
        limits_last = sorted(self._missing.values(), key=lambda wanted: wanted.file == _LIMIT)
        for wanted in limits_last:
            if self._ensure(wanted) and not wanted.file:
                found.append(wanted.node)
            elif wanted.key in self._missing and self.refused not in _GONE:
                break
        self._retry_delay = min(self._retry_delay * 2, LAST_RETRY_SECONDS)
        self._retry_at = now + self._retry_delay
        return found

    def retry_in(self) -> float | None:
        """Return the seconds until the next retry; None if no watch is missing."""
        return max(self._retry_at - time.monotonic(), 0.0) if self._missing else None

    def wait_for_events(self, seconds: float) -> list[InotifyEvent]:
        """Wait for events; without an inotify instance only `wake` ends the wait early."""
        return self.inotify.wait(seconds)

    def wake(self) -> None:
        """End the wait of another thread."""
        self.inotify.wake()

    def close(self) -> None:
        """Close the inotify instance; a user may have only a few."""
        self.inotify.close()

    def _ensure(self, wanted: _WantedWatch) -> bool:
        while (code := self._add(wanted)) is not None:
            if code == errno.ENOSPC and wanted.file != _LIMIT and self._evict_limit_watch():
                continue
            if not self._missing:
                self._retry_delay, self._retry_at = (
                    FIRST_RETRY_SECONDS,
                    time.monotonic() + FIRST_RETRY_SECONDS,
                )
            self._missing[wanted.key], self.refused = wanted, code
            return False
        self._missing.pop(wanted.key, None)
        if not self._missing:
            self.refused = None
        return True

    def _add(self, wanted: _WantedWatch) -> int | None:
        """Add a watch; return the errno if the kernel refuses it."""
        path = self.root.absolute(wanted.node.cgroup.path)
        try:
            self.inotify.open()
            if wanted.file:
                watch = self.inotify.add(path / wanted.file, inotify.IN_MODIFY)
            else:
                watch = self.inotify.add(path, _DIRECTORY)
        except OSError as error:
            return error.errno or errno.EIO
        self._by_watch[watch], self._by_key[wanted.key] = wanted, watch
        return None

    def _evict_limit_watch(self) -> bool:
        """Remove one watch on a limit; limits are read at each kill and each rescan anyway."""
        watch = next((w for w, wanted in self._by_watch.items() if wanted.file == _LIMIT), None)
        if watch is None:
            return False
        evicted = self._by_watch.pop(watch)
        del self._by_key[evicted.key]
        self.inotify.remove(watch)
        self._missing[evicted.key], self.refused = evicted, errno.ENOSPC
        return True

    def missing_reason(self) -> str:
        """Return why watches are missing; empty if none is, or only those of removed cgroups."""
        if not self._missing or self.refused is None or self.refused in _GONE:
            return ""
        return os.strerror(self.refused)
