"""Lists and watches the policies of one kind, and lists a namespace when its first pod appears.

One watch for the whole cluster: one for each namespace would be too many for 2,000 nodes. What it
tells of namespaces without a pod on this node is not kept (agent/informers/policies.py), so those
are listed by themselves when a pod comes, no older than what the watch has told.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from oomwarden.agent.informers.fresh_policies import FreshPolicies
from oomwarden.agent.informers.policies import PolicyCache
from oomwarden.core.objects.passed_over import name_of
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED
from oomwarden.kube.transport.client import Json, Listing, ListOptions
from oomwarden.kube.transport.errors import API_ERRORS, classify_error
from oomwarden.kube.transport.list_bodies import Keep
from oomwarden.kube.transport.resources import ClusterOOMPolicy, OOMPolicy, Resource

AT_ONCE = 2
"""Lists of single namespaces; each may bring megabytes, of which little is held at a time."""
FIRST_WAIT_SECONDS, LAST_WAIT_SECONDS = 0.5, 30.0
STALE_SECONDS = 300.0
"""Between two lists of a namespace with more policies than are held."""
LOOK_SECONDS = 5.0
LATE_SECONDS = 15.0
"""After which it is said that policies of a namespace are not known."""
_RESOURCES: dict[str, Resource] = {NAMESPACED: OOMPolicy, CLUSTER: ClusterOOMPolicy}
_LOG = logging.getLogger(__name__)


class Lists(Protocol):
    """The client's calls that are needed."""

    async def list_objects(self, what: ListOptions, version: str | None, keep: Keep) -> Listing:
        """List, no older than a version."""

    def watch_objects(
        self, what: ListOptions, version: str, seconds: int
    ) -> AsyncGenerator[tuple[str, Json]]:
        """Watch from a version on."""


@dataclass(slots=True)
class _Try:
    """A namespace that is to be listed; times in seconds of a clock that only goes forward."""

    since: float
    due: float
    wait: float = FIRST_WAIT_SECONDS
    why: str = ""
    busy: bool = False


@dataclass(slots=True)
class PolicySource:
    """A kube.transport.reflector.ListerWatcher for a sink of the same book and kind."""

    client: Lists
    book: PolicyCache
    kind: str
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _seen: str = ""
    _tries: dict[str, _Try] = field(default_factory=dict)
    _stale_at: dict[str, float] = field(default_factory=dict)

    async def list_objects(self, what: ListOptions, version: str | None = "0") -> Listing:
        """List all, and hold what is wanted: once it is known which namespaces have pods here."""
        if self.kind == NAMESPACED:
            await self.book.asked.wait()
        fresh = self.book.fresh(self.kind)
        found = await self._list(what, version, fresh)
        self._seen = found.version
        return Listing(self._seen, [fresh], found.unread)

    async def watch_objects(
        self, what: ListOptions, version: str, seconds: int
    ) -> AsyncGenerator[tuple[str, Json]]:
        """Watch from a version on."""
        async with aclosing(self.client.watch_objects(what, version, seconds)) as events:
            async for kind, manifest in events:
                if kind in {"ADDED", "MODIFIED", "DELETED", "BOOKMARK"}:
                    self._seen = str(manifest["metadata"]["resourceVersion"])
                yield kind, manifest

    async def _list(self, what: ListOptions, version: str | None, fresh: FreshPolicies) -> Listing:
        found = await self.client.list_objects(what, version, fresh.take)
        fresh.version = found.version
        return found

    async def run(self) -> None:
        """List what is to be listed by itself, for ever."""
        slots = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as lists:
            while True:
                self.book.wake.clear()
                for name in self.due():
                    self._tries[name].busy = True
                    lists.create_task(self._one(name, slots))
                await self._rest()

    def due(self) -> list[str]:
        """Name the namespaces to be listed now; before all was listed once, none."""
        now = self.clock()
        unknown, stale = (self.book.to_list(self.kind) or ([], [])) if self._seen else ([], [])
        known, at = self.book.knows, self._stale_at
        self._stale_at = {name: when for name, when in at.items() if known(name)}
        ripe = [name for name in stale if now - at.get(name, -math.inf) >= STALE_SECONDS]
        wanted = {*unknown, *ripe}
        self._tries = {
            name: each for name, each in self._tries.items() if name in wanted or each.busy
        }
        for name in wanted - self._tries.keys():
            self._tries[name] = _Try(now, now)
        return [name for name, each in self._tries.items() if each.due <= now and not each.busy]

    async def _rest(self) -> None:
        waits = [each.due - self.clock() for each in self._tries.values() if not each.busy]
        try:
            async with asyncio.timeout(max(min([*waits, LOOK_SECONDS]), 0.01)):
                await self.book.wake.wait()
        except TimeoutError:
            return

    async def _one(self, name: str, slots: asyncio.Semaphore) -> None:
        """List one namespace, once; after an error it is tried again, ever more seldom."""
        one = self._tries[name]
        async with slots:
            fresh = self.book.fresh(self.kind, name)
            what = ListOptions(_RESOURCES[self.kind], name or None)
            try:
                found = await self._list(what, self._seen, fresh)
            except API_ERRORS as error:
                self._failed(name, one, error)
                return
            finally:
                one.busy = False
        for each in found.unread:
            _LOG.warning("%s is passed over: %s", name_of(self.kind, each.manifest), each.why)
        self._stale_at[name] = self.clock()
        self._tries.pop(name, None)
        self.book.adopt(fresh)

    def _failed(self, name: str, one: _Try, error: Exception) -> None:
        told = classify_error(error)
        if told.reason != one.why:
            _LOG.warning("policies of namespace %s are not known yet: %s", name, told.reason)
        one.why = told.reason
        jitter = random.uniform(0.5, 1.5)  # noqa: S311
        one.due = self.clock() + max(one.wait * jitter, min(told.retry_after, LAST_WAIT_SECONDS))
        one.wait = min(one.wait * 2, LAST_WAIT_SECONDS)
        self.book.wake.set()

    def late(self) -> dict[str, str]:
        """Give the namespaces whose policies should be known by now, and why they are not."""
        now = self.clock()
        known = self.book.knows
        return {
            name: each.why or "the API server has not answered"
            for name, each in self._tries.items()
            if now - each.since > LATE_SECONDS and not known(name)
        }
