"""Detection: a thread that reads memory.events and queues what it read, nothing else.

The steps, in order: wait (one inotify watch on kubepods' counters, one on each directory) ->
follow new cgroups, drop the gone -> read kubepods; where it moved, descend -> queue the batch.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from oomwarden.core.accounts import Reading
from oomwarden.core.cgroup_paths import child
from oomwarden.core.facts import Cgroup, Level
from oomwarden.kernel import inotify
from oomwarden.kernel.cgroup import CgroupGoneError, CgroupRoot
from oomwarden.kernel.counter_tree import CounterTree, Node
from oomwarden.kernel.inotify import Event, Inotify

RECONCILE_SECONDS = 10.0
READ_ALL_EVERY = 6
"""Reconciles between two that read every cgroup: else only where the levels above have moved."""
REMEMBERED = 8192
"""Paths of cgroups, more than a node has; bounds the memory of a node that churns."""
MAX_LATE_READS = 32
"""Of 64 KiB each: more than inotify's queue holds by default, and yet an end."""
_DIRECTORY = inotify.IN_CREATE | inotify.IN_DELETE | inotify.IN_ONLYDIR


@dataclass(slots=True)
class Batch:
    """What one wake-up found, in order: new cgroups with their parents, readings, gone ones.

    Wall-clock seconds: `after` is when the counters were read the last time before, `ended` when
    these reads were done; 0 when nobody had read before. `began`: when they began, in monotonic
    seconds. `overrun`: cgroups may have come and gone untold.
    """

    after: float
    began: float = 0.0
    ended: float = 0.0
    appeared: list[tuple[Cgroup, int | None]] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    vanished: list[Cgroup] = field(default_factory=list)
    reconciled: bool = False
    overrun: bool = False

    def __bool__(self) -> bool:
        return bool(self.appeared or self.readings or self.vanished or self.reconciled)


class Detector:
    """Owns the tree and the watches; lives in its own thread from `start` to `stop`."""

    def __init__(
        self, root: CgroupRoot, kubepods: Cgroup, deliver: Callable[[Batch], None]
    ) -> None:
        self._tree = CounterTree(root, self._appeared, self._vanished)
        self._kubepods = kubepods
        self._deliver = deliver
        self._inotify = Inotify()
        self._watches: dict[int, Node] = {}
        self._batch = Batch(0.0)
        self._paths: dict[str, None] = {}  # followed, or told as unseen
        self._unseen = 0
        self._missed = False  # events were lost that no sweep has made up for
        self._stopping = False
        self.progress = time.monotonic()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="detect", daemon=True)

    @property
    def unreadable(self) -> int:
        """Count the times that a cgroup's files could not be read or understood."""
        return self._tree.unreadable

    def start(self, ended: Callable[[], None]) -> None:
        """Begin; `ended` is called from the thread should it ever end."""
        self._ended = ended
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopping = True
        self._inotify.wake()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._follow_forever()
        except BaseException as error:  # noqa: BLE001 - told to the loop, which ends the process
            self.error = error
        self._ended()

    def _follow_forever(self) -> None:
        top = self._tree.start(self._kubepods)
        events_file = self._tree.root.absolute(f"{top.cgroup.path}/memory.events")
        self._inotify.add(events_file, inotify.IN_MODIFY)
        self._finish(self._tree.sweep(top, force=True), reconciled=True)
        due, reconciles = time.monotonic() + RECONCILE_SECONDS, 0
        while not self._stopping:
            events = self._hear(max(due - time.monotonic(), 0))
            read_at = time.time()
            self._batch.began = time.monotonic()
            overrun = self._batch.overrun = self._missed
            self._missed = False
            reconcile = overrun or time.monotonic() >= due
            reconciles += reconcile
            readings = self._handle(events)
            if reconcile:
                self._tree.rescan_all(top)
                due = time.monotonic() + RECONCILE_SECONDS
            everything = overrun or (reconcile and reconciles % READ_ALL_EVERY == 0)
            readings += self._tree.sweep(top, force=everything)
            if readings:
                readings += self._catch_up()
            self._require(top)
            self._finish(readings, reconciled=reconcile)
            self._batch.after = read_at

    def _require(self, top: Node) -> None:
        if top.cgroup.inode not in self._tree.nodes:
            raise CgroupGoneError(
                f"{top.cgroup.path} was removed: is the kubelet being set up anew?"
            )

    def _hear(self, seconds: float) -> list[Event]:
        events = self._inotify.wait(seconds)
        self._missed |= any(event.mask & inotify.IN_Q_OVERFLOW for event in events)
        return events

    def _catch_up(self) -> list[Reading]:
        """Take in what was queued before the counters were read: the cgroups that they tell of.

        Else a pod is settled without the container that came and went meanwhile.
        """
        known = len(self._batch.appeared)
        readings: list[Reading] = []
        for _ in range(MAX_LATE_READS):
            if not (late := self._hear(0)):
                break
            readings += self._handle(late)
            self._inotify.wake()  # what these events say of the counters is for the next sweep
        self._batch.overrun |= self._missed
        for cgroup, _ in self._batch.appeared[known:]:
            if (node := self._tree.nodes.get(cgroup.inode)) is not None:
                readings += self._tree.sweep(node)
        return readings

    def _handle(self, events: list[Event]) -> list[Reading]:
        created = [(self._watches[e.watch], e.name) for e in events if self._is_new_directory(e)]
        readings = self._look_at_moved(events)
        for parent, name in created:
            self._note_unseen(parent, name)
        return readings

    def _is_new_directory(self, event: Event) -> bool:
        is_directory = event.mask & inotify.IN_CREATE and event.mask & inotify.IN_ISDIR
        return bool(is_directory) and event.watch in self._watches

    def _note_unseen(self, parent: Node, name: str) -> None:
        """Tell of a cgroup that was gone before it could be opened: it may have been killed."""
        self._unseen -= 1  # an inode that no cgroup has
        cgroup = child(parent.cgroup, name, self._unseen)
        if cgroup is not None and cgroup.path not in self._paths:
            self._paths[cgroup.path] = None
            self._batch.appeared.append((cgroup, parent.cgroup.inode))
            self._batch.vanished.append(cgroup)

    def _look_at_moved(self, events: list[Event]) -> list[Reading]:
        readings: list[Reading] = []
        moved = {event.watch for event in events if event.watch in self._watches}
        for watch in moved:
            node = self._watches.get(watch)
            if node is None:
                continue
            if node.cgroup.level is Level.CONTAINER:
                readings += self._tree.limit_changed(node)
            else:
                self._tree.rescan(node)
        return readings

    def _finish(self, readings: list[Reading], *, reconciled: bool) -> None:
        batch, self._batch = self._batch, Batch(time.time())
        batch.readings, batch.reconciled, batch.ended = readings, reconciled, time.time()
        self.progress = time.monotonic()
        if batch:
            self._deliver(batch)

    def _appeared(self, node: Node) -> None:
        parent = node.parent.cgroup.inode if node.parent else None
        self._batch.appeared.append((node.cgroup, parent))
        self._paths[node.cgroup.path] = None
        while len(self._paths) > REMEMBERED:
            del self._paths[next(iter(self._paths))]
        path = self._tree.root.absolute(node.cgroup.path)
        try:
            if node.cgroup.level is Level.CONTAINER:
                watch = self._inotify.add(path / "memory.max", inotify.IN_MODIFY)
            else:
                watch = self._inotify.add(path, _DIRECTORY)
        except OSError:  # gone already, or no watches left: the reconcile sees it
            return
        self._watches[watch] = node

    def _vanished(self, node: Node) -> None:
        self._batch.vanished.append(node.cgroup)
        for watch in [watch for watch, owner in self._watches.items() if owner is node]:
            self._inotify.remove(watch)
            del self._watches[watch]


def into_queue(
    loop: asyncio.AbstractEventLoop, queue: "asyncio.Queue[Batch]"
) -> Callable[[Batch], None]:
    """Give a function with which another thread fills the loop's queue."""

    def deliver(batch: Batch) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, batch)

    return deliver
