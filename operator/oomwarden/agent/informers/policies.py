"""What the API server says of policies: sinks of the watches.

An OOMPolicy is held while its namespace has a pod on this node, a ClusterOOMPolicy always, both
within bounds (core/policy/policy_cache.py). Of other namespaces nothing is kept, not even a name.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from oomwarden.agent.informers.fresh_policies import FreshPolicies, is_same, readable_key, warn_of
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED, Key, Policy
from oomwarden.core.policy.policy_cache import NODE_BYTES, CachedPolicy, Shelf, Shelves, entry

FORGET_SECONDS = 300.0
"""After the last pod of a namespace went: the next one of a CronJob finds its policies known."""

MOST_MEANWHILE = 50
"""Words of the watch while a namespace is listed; after so many it is listed again."""

Manifest = dict[str, Any]
Word = tuple[str, Key, CachedPolicy | None]
"""A version, a policy, and what it is by then; None: deleted."""


@dataclass(slots=True)
class PolicyCache:
    """The policies that may select a pod of this node; `version` rises with every change.

    `wake` is set when a namespace is to be listed, `asked` once it is known which have pods.
    """

    changed: Callable[[], None]
    version: int = 0
    shelves: Shelves = field(default_factory=lambda: Shelves({"": Shelf()}))
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    _listed: set[str] = field(default_factory=set)
    _wanted: dict[str, float] = field(default_factory=dict)
    _since: dict[str, str] = field(default_factory=dict)
    _meanwhile: dict[str, list[Word]] = field(default_factory=dict)

    @property
    def synced(self) -> bool:
        """Whether both kinds were listed."""
        return self._listed == {NAMESPACED, CLUSTER}

    @property
    def policies(self) -> dict[Key, Policy]:
        """Give all that are held and can be read."""
        found = self.shelves.entries()
        return {one.key: one.content for one in found if isinstance(one.content, Policy)}

    @property
    def unreadable(self) -> dict[Key, str]:
        """Tell why a policy does not compete: it was written for another version."""
        found = self.shelves.entries()
        return {one.key: one.content for one in found if isinstance(one.content, str)}

    @property
    def left_out(self) -> dict[Key, int]:
        """Name policies without room, the first ones of each namespace, with their generations."""
        shelves = self.shelves.by_namespace.values()
        return {key: generation for shelf in shelves for _, key, generation in shelf.named}

    def sink(self, kind: str) -> "PolicyEventHandler":
        """Give the sink for a watch of one kind."""
        return PolicyEventHandler(self, kind)

    def knows(self, namespace: str) -> bool:
        """Whether the policies of a namespace are held."""
        return namespace in self._since

    def candidates(self, namespace: str) -> list[Policy]:
        """Give the policies that may select pods of a namespace."""
        shelves = (self.shelves.by_namespace.get(each) for each in (namespace, ""))
        found = (one.content for shelf in shelves if shelf for one in shelf.entries.values())
        return [each for each in found if isinstance(each, Policy)]

    def unknown_fields(self) -> tuple[str, ...]:
        """Name the fields that only a newer agent understands, once each."""
        return tuple(sorted({name for policy in self.policies.values() for name in policy.unknown}))

    def want(self, namespaces: Collection[str], now: float) -> None:
        """Take which namespaces have pods here; `now` in loop time."""
        self._wanted |= dict.fromkeys(namespaces, now)
        for name, seen in list(self._wanted.items()):
            if now - seen > FORGET_SECONDS:
                self._forget(name)
        self.asked.set()
        if self.to_list(NAMESPACED):
            self.wake.set()

    def _forget(self, namespace: str) -> None:
        del self._wanted[namespace]
        self._since.pop(namespace, None)
        self._meanwhile.pop(namespace, None)
        if self.shelves.by_namespace.pop(namespace, None):
            self.tell()

    def to_list(self, kind: str) -> tuple[list[str], list[str]] | None:
        """Name the namespaces that are not known yet, and those that a new list may add to."""
        of_kind = [*self._wanted] if kind == NAMESPACED else [""]
        shelves = self.shelves.by_namespace
        unknown = [name for name in of_kind if name and not self.knows(name)]
        stale = [name for name in of_kind if name in shelves and shelves[name].stale]
        return (unknown, stale) if unknown or stale else None

    def fresh(self, kind: str, namespace: str | None = None) -> FreshPolicies:
        """Begin to take a list: of a namespace, or of all that are wanted."""
        wanted = [*self._wanted] if kind == NAMESPACED else [""]
        names = wanted if namespace is None else [namespace]
        if namespace is not None:
            self._meanwhile[namespace] = []
        shelves = Shelves({name: Shelf() for name in names})
        return FreshPolicies(kind, shelves, self.shelves, everywhere=namespace is None)

    def adopt(self, fresh: FreshPolicies) -> None:
        """Take what was listed for all there is in its namespaces, and what was told meanwhile."""
        for name, shelf in fresh.shelves.by_namespace.items():
            if (name and name not in self._wanted) or self._is_older(name, fresh):
                continue
            self.shelves.by_namespace[name] = shelf
            self._since[name] = fresh.version
            if not fresh.everywhere:
                self._catch_up(name, shelf, fresh.version)
        self.shelves.keep_within(NODE_BYTES)
        if fresh.everywhere:
            self._listed.add(fresh.kind)
        self.tell()

    def _catch_up(self, name: str, shelf: Shelf, version: str) -> None:
        """Take what the watch told while the namespace was listed, and the list does not know."""
        meanwhile = self._meanwhile.pop(name, [])
        shelf.stale = shelf.stale or len(meanwhile) >= MOST_MEANWHILE
        for at, key, found in meanwhile:
            if is_later(at, version):
                self._put(key, found)

    def _is_older(self, name: str, fresh: FreshPolicies) -> bool:
        """Whether all was listed anew while one namespace was: the watch goes on from there."""
        known = self._since.get(name)
        return not fresh.everywhere and known is not None and is_later(known, fresh.version)

    def take(self, kind: str, manifest: Manifest) -> bool:
        """Take a policy, and tell whether it differs: most events are of its status alone."""
        key = readable_key(kind, manifest)
        if key is None or not self._is_wanted(key):
            return False
        found, before = entry(kind, key, manifest), self.shelves.get(key)
        if not self._is_news(key, manifest, found) or is_same(found, before):
            return False  # others know it by its identity, which stays
        self._put(key, found)
        return before is not None or self.shelves.get(key) is not None

    def drop(self, kind: str, manifest: Manifest) -> bool:
        """Forget a policy, and tell whether it was held."""
        key = readable_key(kind, manifest)
        if key is None or not self._is_wanted(key) or not self._is_news(key, manifest, None):
            return False
        held = self.shelves.get(key) is not None
        self._put(key, None)
        return held

    def _put(self, key: Key, found: CachedPolicy | None) -> None:
        if found is None:
            self.shelves.drop(key)
            return
        self.shelves.put(found)
        warn_of(found)

    def _is_wanted(self, key: Key) -> bool:
        return not key[1] or key[1] in self._wanted

    def _is_news(self, key: Key, manifest: Manifest, found: CachedPolicy | None) -> bool:
        """Whether a word of the watch is later than what was listed; noted while that is asked."""
        version = str(manifest["metadata"].get("resourceVersion", ""))
        meanwhile = self._meanwhile.get(key[1])
        if meanwhile is not None and len(meanwhile) < MOST_MEANWHILE:
            meanwhile.append((version, key, found))
        known = self._since.get(key[1])
        return known is not None and is_later(version, known)

    def tell(self) -> None:
        """Say that something has changed."""
        self.version += 1
        self.changed()
        self.wake.set()


def is_later(version: str, than: str) -> bool:
    """Compare resourceVersions, as numbers (KEP-5504); one that is no number may be later."""
    if version.isdecimal() and than.isdecimal():
        return int(version) > int(than)
    return True


@dataclass(frozen=True, slots=True)
class PolicyEventHandler:
    """Takes one kind."""

    book: PolicyCache
    kind: str

    def replace(self, objects: list[Any]) -> None:
        """Take these policies for all there are: what a source has read of a list, or manifests."""
        read = [each for each in objects if isinstance(each, FreshPolicies)]
        if not read:
            read = [self.book.fresh(self.kind)]
            for manifest in objects:
                read[0].take(manifest)
        for fresh in read:
            self.book.adopt(fresh)

    def apply(self, manifest: Manifest) -> None:
        """Take a new or changed policy."""
        if self.book.take(self.kind, manifest):
            self.book.tell()

    def delete(self, manifest: Manifest) -> None:
        """Forget a policy."""
        if self.book.drop(self.kind, manifest):
            self.book.tell()
