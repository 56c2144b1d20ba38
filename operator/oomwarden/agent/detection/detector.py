"""Detection: a thread that reads memory.events and queues what it read, nothing else.

The steps, in order: wait (one inotify watch on the counters of kubepods, one on each directory) ->
follow new cgroups, drop removed ones -> read kubepods and descend where counters changed -> queue
the batch. Where the kernel refuses a watch, or a cgroup cannot be opened, the thread polls.
"""

import asyncio
import threading
import time
from collections.abc import Callable

from oomwarden.agent.detection.batch import Batch
from oomwarden.agent.detection.blind_spots import BlindSpots
from oomwarden.agent.detection.cgroup_watches import CgroupWatches
from oomwarden.agent.runtime.ticks import WITH_DETECTION, next_tick
from oomwarden.core.ledger.account import Reading
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.parse.cgroup_paths import child
from oomwarden.core.reporting.detection_gaps import DetectionGaps
from oomwarden.kernel import inotify
from oomwarden.kernel.cgroup.counter_files import CounterNode
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.tree import CounterTree
from oomwarden.kernel.inotify import InotifyEvent

RECONCILE_SECONDS = 10.0
READ_ALL_EVERY = 6
"""Every 6th rescan lists every directory and reads every cgroup. The others look at the levels
above the pods, list where the number of children has changed, and descend where counters have."""
MAX_PATHS = 1024
"""Paths of cgroups kept: more than come and go while inotify's events wait to be read."""
MAX_LATE_READS = 32
"""Reads of 64 KiB each: together more than inotify's default queue, and still bounded."""


class Detector:
    """Owns the cgroup tree and the watches; runs in its own thread from `start` to `stop`."""

    def __init__(
        self, root: CgroupRoot, kubepods: Cgroup, deliver: Callable[[Batch], None]
    ) -> None:
        self._tree = CounterTree(root, self._appeared, self._vanished, self._lost)
        self._kubepods = kubepods
        self._deliver = deliver
        self._watches = CgroupWatches(root)
        self._blind_spots = BlindSpots(self._watches)
        self.blindness = DetectionGaps()
        self._batch = Batch(0.0)
        self._paths: dict[str, None] = {}  # followed, or reported as gone before it was opened
        self._unseen = 0
        self._events_lost = False  # since the last sweep
        self._stopping = False
        self.progress = time.monotonic()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="detect", daemon=True)

    @property
    def unreadable(self) -> int:
        """How often a cgroup's files could not be read or parsed."""
        return self._tree.unreadable

    def start(self, ended: Callable[[], None]) -> None:
        """Start the thread; it calls `ended` if it ever ends."""
        self._ended = ended
        self._thread.start()

    def stop(self) -> None:
        """End the thread, wait for it, and close what it had open."""
        self._stopping = True
        self._watches.wake()
        self._thread.join()
        self._watches.close()
        self._tree.close()

    def _run(self) -> None:
        try:
            self._detect()
        except BaseException as error:  # noqa: BLE001 - the event loop raises it: the agent ends
            self.error = error
        self._ended()

    def _detect(self) -> None:
        if (top := self._begin()) is None:
            return
        self._finish(self._tree.sweep(top, force=True), reconciled=True)
        due, reconciles = next_tick(RECONCILE_SECONDS, time.monotonic(), WITH_DETECTION), 0
        while not self._stopping:
            left = max(due - time.monotonic(), 0)
            events = self._wait_for_events(self._blind_spots.wait_seconds(self._tree, left))
            read_at = time.time()
            self._batch.began = time.monotonic()
            overrun = self._batch.overrun = self._events_lost
            self._events_lost = False
            reconcile = overrun or time.monotonic() >= due
            reconciles += reconcile
            self._tree.polled = self._blind_spots.blind_inodes(self._tree)
            unreadable = self._tree.unreadable
            readings = self._handle(events)
            self._batch.blind |= self._blind_spots.blind_inodes(self._tree)
            self._blind_spots.rescan(self._tree)
            read_all = reconciles % READ_ALL_EVERY == 0 or self._watches.missing
            if reconcile:
                self._tree.rescan_all(top, force=overrun or bool(read_all))
                due = next_tick(RECONCILE_SECONDS, time.monotonic(), WITH_DETECTION)
            readings += self._tree.sweep(top, force=overrun or bool(reconcile and read_all))
            if readings:
                readings += self._catch_up()
            self._require_top(top)
            readings += self._read_late()
            self._batch.is_consistent = self._is_consistent(top, readings, unreadable)
            self._finish(readings, reconciled=reconcile)
            self._batch.after = read_at

    def _is_consistent(self, top: CounterNode, readings: list[Reading], unreadable: int) -> bool:
        """Return whether no kill was counted while the counters were read: kubepods has all."""
        batch, tree = self._batch, self._tree
        if batch.overrun or batch.blind or batch.late or tree.unreadable != unreadable:
            return False
        return not readings or tree.is_unmoved(top)

    def _begin(self) -> CounterNode | None:
        """Open kubepods as soon as possible; None if the detector is to stop."""
        while not self._stopping:
            try:
                top = self._tree.start(self._kubepods)
            except OSError as error:
                self.blindness = DetectionGaps.for_root(self._kubepods.path, error.strerror or "")
                self._watches.wait_for_events(RECONCILE_SECONDS)
                self.progress = time.monotonic()
            else:
                self._watches.watch_counters(top)
                return top
        return None

    def _read_late(self) -> list[Reading]:
        late, readings = self._tree.sweep_late()
        self._batch.late = tuple(late)
        return readings

    def _require_top(self, top: CounterNode) -> None:
        if top.cgroup.inode not in self._tree.nodes:
            raise CgroupGoneError(
                f"the cgroup {top.cgroup.path} was removed; is the kubelet being reinstalled?"
            )

    def _wait_for_events(self, seconds: float) -> list[InotifyEvent]:
        events = self._watches.wait_for_events(seconds)
        self._events_lost |= any(event.mask & inotify.IN_Q_OVERFLOW for event in events)
        return events

    def _catch_up(self) -> list[Reading]:
        """Handle the events that were queued before the counters were read.

        They name the cgroups whose kills were just counted. Without them, a pod would be settled
        without a container that appeared and vanished in the meantime.
        """
        known = len(self._batch.appeared)
        readings: list[Reading] = []
        for _ in range(MAX_LATE_READS):
            if not (late := self._wait_for_events(0)):
                break
            readings += self._handle(late)
            self._watches.wake()  # these events may be about counters, which the next sweep reads
        self._batch.overrun |= self._events_lost
        for cgroup, _ in self._batch.appeared[known:]:
            if (node := self._tree.nodes.get(cgroup.inode)) is not None:
                readings += self._tree.sweep(node)
        return readings

    def _handle(self, events: list[InotifyEvent]) -> list[Reading]:
        created = [(self._watches.node(e.watch), e.name) for e in events if _is_new_directory(e)]
        readings = self._handle_changed(events)
        for parent, name in created:
            if parent is not None:
                self._record_unseen(parent, name)
        return readings

    def _record_unseen(self, parent: CounterNode, name: str) -> None:
        """Report a cgroup that was removed before it could be opened: it may have been killed."""
        if parent.cgroup.inode in self._tree.unlisted:
            return  # it may still exist
        self._unseen -= 1  # an inode that no cgroup has
        cgroup = child(parent.cgroup, name, self._unseen)
        unopened = {one.cgroup.path for one in self._tree.unopened.values()}
        if cgroup is not None and cgroup.path not in self._paths and cgroup.path not in unopened:
            self._lost(cgroup, parent)

    def _handle_changed(self, events: list[InotifyEvent]) -> list[Reading]:
        readings: list[Reading] = []
        for watch in {event.watch for event in events}:
            node = self._watches.node(watch)
            if node is None:
                continue
            if node.cgroup.level is Level.CONTAINER:
                readings += self._tree.read_changed_limit(node)
            else:
                self._tree.rescan(node)
        return readings

    def _finish(self, readings: list[Reading], *, reconciled: bool) -> None:
        blind = self._blind_spots.blind_inodes(self._tree)
        self.blindness = self._blind_spots.blindness(self._tree)
        batch, self._batch = self._batch, Batch(time.time(), blind=blind)
        batch.readings, batch.reconciled, batch.ended = readings, reconciled, time.time()
        batch.blind |= blind
        batch.unopened = frozenset(node.cgroup.inode for node in self._tree.incomplete_nodes())
        self.progress = time.monotonic()
        if batch:
            self._deliver(batch)
        else:
            self._batch.blind |= batch.blind

    def _appeared(self, node: CounterNode) -> None:
        parent = node.parent.cgroup.inode if node.parent else None
        self._batch.appeared.append((node.cgroup, parent))
        self._remember(node.cgroup.path)
        self._watches.watch(node)

    def _remember(self, path: str) -> None:
        self._paths[path] = None
        while len(self._paths) > MAX_PATHS:
            del self._paths[next(iter(self._paths))]

    def _vanished(self, node: CounterNode) -> None:
        self._batch.vanished.append(node.cgroup)
        self._watches.drop(node)

    def _lost(self, cgroup: Cgroup, parent: CounterNode) -> None:
        """Report a cgroup that was removed before it could be opened."""
        self._remember(cgroup.path)
        self._batch.appeared.append((cgroup, parent.cgroup.inode))
        self._batch.vanished.append(cgroup)


def _is_new_directory(event: InotifyEvent) -> bool:
    return bool(event.mask & inotify.IN_CREATE and event.mask & inotify.IN_ISDIR)


def into_queue(
    loop: asyncio.AbstractEventLoop, queue: "asyncio.Queue[Batch]"
) -> Callable[[Batch], None]:
    """Return a function that puts batches into the loop's queue from another thread."""

    def deliver(batch: Batch) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, batch)

    return deliver
