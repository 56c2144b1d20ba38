"""Lists and watches the policies of one kind, and lists a namespace when its first pod appears.

There is one watch for the whole cluster: one per namespace would be too many for 2,000 nodes. Its
events about namespaces without a pod on this node are not kept (agent/informers/policies.py), so
such a namespace is listed when a pod appears, at a version no older than the watch has seen.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from oomwarden.agent.informers.policies import PolicyCache
from oomwarden.agent.informers.policy_list import PolicyList
from oomwarden.core.log_line.keys import UNREADABLE, about, about_object
from oomwarden.core.objects.unreadable import display_name
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED
from oomwarden.kube.transport.bodies import Keep
from oomwarden.kube.transport.client import Listing, ListOptions, WatchEvents
from oomwarden.kube.transport.errors import API_ERRORS, classify_error, error_keys
from oomwarden.kube.transport.resources import ClusterOOMPolicy, OOMPolicy, Resource

PARALLEL_LISTS = 2
"""Lists of single namespaces in parallel; each may be megabytes, of which few are in memory."""
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 0.5, 30.0
STALE_SECONDS = 300.0
"""Interval of the lists of a namespace that has more policies than the cache keeps."""
POLL_SECONDS = 60.0
"""Longest wait without a signal; only a namespace that is listed again and again needs it."""
OVERDUE_SECONDS = 15.0
"""After this time OOMNode reports that the policies of a namespace are not known."""
_RESOURCES: dict[str, Resource] = {NAMESPACED: OOMPolicy, CLUSTER: ClusterOOMPolicy}
_LOG = logging.getLogger(__name__)


class PolicyLister(Protocol):
    """The calls of the client that a PolicySource uses."""

    async def list_objects(self, what: ListOptions, version: str | None, keep: Keep) -> Listing:
        """List at a version no older than `version`."""

    async def stream_objects(
        self, what: ListOptions, version: str, seconds: int, keep: Keep
    ) -> Listing | None:
        """List and watch with one request; None if it is impossible."""

    def watch_objects(self, what: ListOptions, version: str, seconds: int) -> WatchEvents:
        """Watch from a version on."""


class _PendingList(Struct):
    """A namespace to be listed. Times are seconds of a monotonic clock."""

    since: float
    due: float
    delay: float = FIRST_RETRY_SECONDS
    reason: str = ""
    in_progress: bool = False


class PolicySource(Struct):
    """A ListerWatcher for the event handler of the same cache and kind."""

    client: PolicyLister
    cache: PolicyCache
    kind: str
    clock: Callable[[], float] = time.monotonic
    _seen: str = ""
    _pending: dict[str, _PendingList] = field(default_factory=dict)
    _listed_at: dict[str, float] = field(default_factory=dict)

    async def list_objects(self, what: ListOptions, version: str | None = "0") -> Listing:
        """List the policies of all namespaces and keep those of tracked ones.

        A list of OOMPolicies waits until the namespaces with pods on this node are known.
        """
        if self.kind == NAMESPACED:
            await self.cache.namespaces_known.wait()
        fresh = self.cache.begin_list(self.kind)
        found = await self._list(what, version, fresh)
        self._seen = found.version
        return Listing(self._seen, [fresh], found.unread)

    async def stream_objects(self, what: ListOptions, version: str, seconds: int) -> Listing | None:
        """List as list_objects does, and watch with the same request."""
        if self.kind == NAMESPACED:
            await self.cache.namespaces_known.wait()
        fresh = self.cache.begin_list(self.kind)
        found = await self.client.stream_objects(what, version, seconds, fresh.add)
        if found is None or found.changes is None:
            return None
        fresh.version = self._seen = found.version
        return replace(found, objects=[fresh], changes=self._noted(found.changes))

    def watch_objects(self, what: ListOptions, version: str, seconds: int) -> WatchEvents:
        """Watch from a version on."""
        return self._noted(self.client.watch_objects(what, version, seconds))

    async def _noted(self, changes: WatchEvents) -> WatchEvents:
        async with aclosing(changes) as events:
            async for kind, manifest in events:
                if kind in {"ADDED", "MODIFIED", "DELETED", "BOOKMARK"}:
                    self._seen = str(manifest["metadata"]["resourceVersion"])
                yield kind, manifest

    async def _list(self, what: ListOptions, version: str | None, fresh: PolicyList) -> Listing:
        found = await self.client.list_objects(what, version, fresh.add)
        fresh.version = found.version
        return found

    async def run(self) -> None:
        """List single namespaces when they need it, until cancelled."""
        slots = asyncio.Semaphore(PARALLEL_LISTS)
        async with asyncio.TaskGroup() as lists:
            while True:
                for name in self.due():
                    self._pending[name].in_progress = True
                    lists.create_task(self._list_namespace(name, slots))
                await self._wait()

    def due(self) -> list[str]:
        """Return the namespaces to be listed now; none before the first list of all namespaces."""
        now = self.clock()
        unknown, stale = (self.cache.unlisted(self.kind) or ([], [])) if self._seen else ([], [])
        known, at = self.cache.is_listed, self._listed_at
        self._listed_at = {name: when for name, when in at.items() if known(name)}
        due_again = [name for name in stale if now - at.get(name, -math.inf) >= STALE_SECONDS]
        wanted = {*unknown, *due_again}
        self._pending = {
            name: each for name, each in self._pending.items() if name in wanted or each.in_progress
        }
        for name in wanted - self._pending.keys():
            self._pending[name] = _PendingList(now, now)
        return [
            name for name, each in self._pending.items() if each.due <= now and not each.in_progress
        ]

    async def _wait(self) -> None:
        waits = [each.due - self.clock() for each in self._pending.values() if not each.in_progress]
        await self.cache.list_needed[self.kind].wait(max(min([*waits, POLL_SECONDS]), 0.01))

    async def _list_namespace(self, name: str, slots: asyncio.Semaphore) -> None:
        """List one namespace once; an error schedules a retry with back-off."""
        one = self._pending[name]
        async with slots:
            fresh = self.cache.begin_list(self.kind, name)
            what = ListOptions(_RESOURCES[self.kind], name or None)
            try:
                found = await self._list(what, self._seen, fresh)
            except API_ERRORS as error:
                self._failed(name, one, error)
                return
            finally:
                one.in_progress = False
        for each in found.unread:
            _LOG.warning(
                "skipping %s: %s",
                display_name(self.kind, each.manifest),
                each.why,
                extra=about_object(self.kind, each.manifest, reason=UNREADABLE, error=each.why),
            )
        self._listed_at[name] = self.clock()
        self._pending.pop(name, None)
        self.cache.apply_list(fresh)

    def _failed(self, name: str, one: _PendingList, error: Exception) -> None:
        result = classify_error(error)
        if result.reason != one.reason:
            _LOG.warning(
                "cannot list the policies of namespace %s: %s",
                name,
                result.reason,
                extra=about(error_keys(result), kind=self.kind, namespace=name),
            )
        one.reason = result.reason
        requested = min(result.retry_after, LAST_RETRY_SECONDS)
        one.due = self.clock() + requested + one.delay * random.uniform(0.0, 2.0)  # noqa: S311
        one.delay = min(one.delay * 2, LAST_RETRY_SECONDS)
        self.cache.list_needed[self.kind].set()

    def overdue(self) -> dict[str, str]:
        """Return the namespaces whose policies should be known by now, and why they are not."""
        now = self.clock()
        known = self.cache.is_listed
        return {
            name: each.reason or "the API server has not answered"
            for name, each in self._pending.items()
            if now - each.since > OVERDUE_SECONDS and not known(name)
        }
