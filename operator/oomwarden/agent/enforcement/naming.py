"""Names and baselines of new containers, from the mounts of their first process.

The steps, in order: a container appears -> read its oldest processes, again and again with growing
gaps -> learn its name from the mounts or from the API server -> keep the runtime's score -> signal
that the container can be evaluated.
"""

import logging
import time
from collections.abc import Callable
from functools import partial

from msgspec import Struct, field

from oomwarden.agent.baselines.scores import Baselines
from oomwarden.agent.informers.inventory import Container, Inventory, container_keys
from oomwarden.agent.runtime.ticks import next_tick
from oomwarden.agent.runtime.worker import KernelWorker, StuckError
from oomwarden.api.vocabulary import SCORE_MIN
from oomwarden.core.log_line.keys import UNREADABLE, about
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.model.pod import PodFacts
from oomwarden.kernel.cgroup.files import CgroupGoneError
from oomwarden.kernel.container.first_process import FirstProcess, find_first_process
from oomwarden.kernel.roots import HostRoots

FIRST_GAP_SECONDS = 0.01
BRISK_GAP_SECONDS = 0.05
"""Longest gap while the container is young: it delays the score by as much."""
BRISK_SECONDS = 2.0
LAST_GAP_SECONDS = 5.0
GIVE_UP_SECONDS = 30.0
"""A pause container never gets a name. The API server may name a container later all the same."""
SETTLE_SECONDS = 5.0
"""Until then a score below -997 counts as that of the runtime's shim."""
IDLE_SECONDS = 30.0
"""Longest wait: only a sign of life, since what is new sets the signal."""
_LOG = logging.getLogger(__name__)


class _Search(Struct):
    due: float
    gap: float = FIRST_GAP_SECONDS
    failure: str = ""


class _Done(Struct, frozen=True):
    """A container that needs no search: it is ready, or what the API server says does not help."""

    container: Container
    pod: PodFacts | None
    is_ready: bool

    def still_holds(self, container: Container, inventory: Inventory) -> bool:
        if self.container is not container:
            return False
        return self.is_ready or self.pod is inventory.pod(container.cgroup)


class ContainerNamer(Struct):
    """Identifies new containers.

    Attributes:
        inventory: Where containers appear, and get their names.
        baselines: Where the runtime's scores are kept.
        roots: The cgroup and proc file systems.
        named: Called when there are containers to evaluate.
        changed: Called when there are others than before, of which nothing can be evaluated yet.
        worker: Reads processes in a thread.
        progress: Time of the last turn of the loop (`time.monotonic`).
    """

    inventory: Inventory
    baselines: Baselines
    roots: HostRoots
    named: Callable[[], None]
    changed: Callable[[], None]
    worker: KernelWorker = field(default_factory=partial(KernelWorker, "naming"))
    progress: float = 0.0
    _searches: dict[int, _Search] = field(default_factory=dict)
    _known: frozenset[int] = frozenset()
    _version: int = -1  # of the inventory, as of the last search for what is new
    _done: dict[int, _Done] = field(default_factory=dict)

    async def run(self) -> None:
        """Name containers until cancelled. Baselines must have been loaded before."""
        while True:
            self._begin()
            for inode in self._due():
                if container := self.inventory.containers.get(inode):
                    await self.identify(container)
            self.progress = time.monotonic()
            await self._pause()

    async def _pause(self) -> None:
        now = time.monotonic()
        idle = next_tick(IDLE_SECONDS, now)
        due = min((search.due for search in self._searches.values()), default=idle)
        await self.inventory.appeared.wait(max(due - now, 0))

    def _begin(self) -> None:
        """Search for what is new, and for what the API server has named in between."""
        if self._version == self.inventory.version:
            return
        self._version, now = self.inventory.version, time.monotonic()
        containers = self.inventory.containers
        self._searches = {i: each for i, each in self._searches.items() if i in containers}
        before, self._known = self._known, frozenset(containers)
        if before != self._known:
            self._done = {i: each for i, each in self._done.items() if i in containers}
            fresh = (containers[inode] for inode in self._known - before)
            (self.named if any(map(self._is_ready, fresh)) else self.changed)()
        for inode, container in containers.items():
            done = self._done.get(inode)
            if done is None or not done.still_holds(container, self.inventory):
                self._begin_one(container, now)

    def _begin_one(self, container: Container, now: float) -> None:
        inode, is_ready = container.cgroup.inode, self._is_ready(container)
        pod = self.inventory.pod(container.cgroup)
        listed = not is_ready and self._name_from_api(container) is not None
        is_young = now - container.seen < GIVE_UP_SECONDS
        if is_ready or (inode not in self._searches and not listed and not is_young):
            self._done[inode] = _Done(container, pod, is_ready)
        elif inode not in self._searches:
            self._searches[inode] = _Search(now)
        elif listed and container.name is None:
            self._searches[inode].due = now

    def _is_ready(self, container: Container) -> bool:
        return container.name is not None and self.baselines.get(container) is not None

    def _name_from_api(self, container: Container) -> str | None:
        """Return the name that the API server gives a running container with this id."""
        facts = self.inventory.container(container)
        same = facts is not None and facts.container_id == container.cgroup.container_id
        return facts.name if facts is not None and same else None

    def _due(self) -> list[int]:
        now = time.monotonic()
        return [inode for inode, search in self._searches.items() if search.due <= now]

    async def identify(self, container: Container) -> None:
        """Read a container's oldest process once, and learn what it shows."""
        search = self._searches[container.cgroup.inode]
        try:
            seen = await self.worker.run(
                container.cgroup.inode, self._first_process(container.cgroup)
            )
        except CgroupGoneError:
            seen = FirstProcess()
        except (StuckError, OSError) as error:
            seen = FirstProcess()
            self._fail(container, search, error)
        self._learn(container, seen)
        self._schedule(container, search)

    def _first_process(self, cgroup: Cgroup) -> Callable[[], FirstProcess]:
        return partial(find_first_process, self.roots.cgroups, self.roots.proc, cgroup)

    def _learn(self, container: Container, seen: FirstProcess) -> None:
        name = self._name_from_api(container) or seen.name or container.name
        self.inventory.name(container, name)
        self.inventory.set_limit(container, seen.limit)
        if container.name is None or seen.score is None:
            return
        if seen.name is None and self._name_from_api(container) is None:
            return  # the score may still be that of the runtime's shim
        young = time.monotonic() - container.seen < SETTLE_SECONDS
        if seen.score < SCORE_MIN and young and not container.existed:
            return
        self.baselines.learn(container, seen.score)

    def _schedule(self, container: Container, search: _Search) -> None:
        now = time.monotonic()
        age = now - container.seen
        if self._is_ready(container):
            del self._searches[container.cgroup.inode]
            self.named()
        elif age > GIVE_UP_SECONDS and not self._name_from_api(container):
            del self._searches[container.cgroup.inode]
        else:
            search.due = now + search.gap
            longest = BRISK_GAP_SECONDS if age < BRISK_SECONDS else LAST_GAP_SECONDS
            search.gap = min(search.gap * 2, longest)

    def _fail(self, container: Container, search: _Search, error: Exception) -> None:
        """Log once per container what cannot be read."""
        why = f"{type(error).__name__}: {error}"
        if why != search.failure:
            search.failure = why
            keys = container_keys(container, self.inventory.pod(container.cgroup))
            _LOG.warning(
                "processes of %s cannot be read: %s",
                container.cgroup.path,
                why,
                extra=about(keys, reason=UNREADABLE, error=why),
            )
