"""The cache of policies, and the event handlers of their watches.

An OOMPolicy is kept while its namespace has a pod on this node, a ClusterOOMPolicy always, both
within bounds (core/policy/policy_cache.py). Nothing of other namespaces is kept, not even a name.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from oomwarden.agent.informers.policy_list import (
    PolicyList,
    is_same,
    readable_key,
    warn_if_unreadable,
)
from oomwarden.agent.runtime.signal import Signal
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED, Policy, PolicyKey
from oomwarden.core.policy.policy_cache import (
    NODE_BYTES,
    CachedPolicy,
    NamespacePolicies,
    PoliciesByNamespace,
    cached_policy,
)

FORGET_SECONDS = 300.0
"""How long policies are kept after the last pod of their namespace: a CronJob's next pod finds its
policies in the cache."""

MAX_EVENTS_DURING_LIST = 50
"""Watch events that are kept while a namespace is listed; with more, it is listed again."""

PolicyEvent = tuple[str, PolicyKey, CachedPolicy | None]
"""A resourceVersion, a policy's key and its content at that version; None if it was deleted."""


@dataclass(slots=True)
class PolicyCache:
    """The policies that may select a pod of this node."""

    changed: Callable[[], None]
    version: int = 0
    """Incremented with every change."""
    cached: PoliciesByNamespace = field(
        default_factory=lambda: PoliciesByNamespace({"": NamespacePolicies()})
    )
    list_needed: dict[str, Signal] = field(
        default_factory=lambda: {NAMESPACED: Signal(), CLUSTER: Signal()}
    )
    """Set, by kind, when a namespace may have to be listed."""
    namespaces_known: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the namespaces with pods on this node are known; it is never cleared."""
    _listed: set[str] = field(default_factory=set)
    _namespaces: dict[str, float] = field(default_factory=dict)
    _listed_version: dict[str, str] = field(default_factory=dict)
    _events_during_list: dict[str, list[PolicyEvent]] = field(default_factory=dict)

    @property
    def synced(self) -> bool:
        """Whether both kinds were listed."""
        return self._listed == {NAMESPACED, CLUSTER}

    @property
    def policies(self) -> dict[PolicyKey, Policy]:
        """The policies that are kept and can be read."""
        found = self.cached.entries()
        return {one.key: one.content for one in found if isinstance(one.content, Policy)}

    @property
    def unreadable(self) -> dict[PolicyKey, str]:
        """Why policies cannot be read, by key: they were written for another version."""
        found = self.cached.entries()
        return {one.key: one.content for one in found if isinstance(one.content, str)}

    @property
    def left_out(self) -> dict[PolicyKey, int]:
        """The first policies of each namespace that exceed the bounds, with their generations."""
        named = (one for each in self.cached.by_namespace.values() for one in each.left_out_named)
        return {key: generation for _, key, generation in named}

    def event_handler(self, kind: str) -> "PolicyEventHandler":
        """Return the event handler for the watch of one kind."""
        return PolicyEventHandler(self, kind)

    def is_listed(self, namespace: str) -> bool:
        """Return whether the policies of a namespace are in the cache."""
        return namespace in self._listed_version

    def candidates(self, namespace: str) -> list[Policy]:
        """Return the policies that may select pods of a namespace."""
        namespaces = (self.cached.by_namespace.get(each) for each in (namespace, ""))
        found = (one.content for each in namespaces if each for one in each.entries.values())
        return [each for each in found if isinstance(each, Policy)]

    def unknown_fields(self) -> tuple[str, ...]:
        """Return the names of fields that only a newer agent understands, without duplicates."""
        return tuple(sorted({name for policy in self.policies.values() for name in policy.unknown}))

    def track_namespaces(self, namespaces: Collection[str], now: float) -> None:
        """Record which namespaces have pods on this node, at event-loop time `now`."""
        self._namespaces |= dict.fromkeys(namespaces, now)
        for name, seen in list(self._namespaces.items()):
            if now - seen > FORGET_SECONDS:
                self._forget_namespace(name)
        self.namespaces_known.set()
        if self.unlisted(NAMESPACED):
            self.list_needed[NAMESPACED].set()

    def _forget_namespace(self, namespace: str) -> None:
        del self._namespaces[namespace]
        self._listed_version.pop(namespace, None)
        self._events_during_list.pop(namespace, None)
        if self.cached.by_namespace.pop(namespace, None):
            self.notify()

    def unlisted(self, kind: str) -> tuple[list[str], list[str]] | None:
        """Return the namespaces that were never listed, and those that a new list may add to.

        Returns:
            Both lists; None if there is nothing to list.
        """
        of_kind = [*self._namespaces] if kind == NAMESPACED else [""]
        cached = self.cached.by_namespace
        unknown = [name for name in of_kind if name and not self.is_listed(name)]
        stale = [name for name in of_kind if name in cached and cached[name].needs_relist]
        return (unknown, stale) if unknown or stale else None

    def begin_list(self, kind: str, namespace: str | None = None) -> PolicyList:
        """Return an empty list to fill, of one namespace or of all tracked ones."""
        wanted = [*self._namespaces] if kind == NAMESPACED else [""]
        names = wanted if namespace is None else [namespace]
        if namespace is not None:
            self._events_during_list[namespace] = []
        listed = PoliciesByNamespace({name: NamespacePolicies() for name in names})
        return PolicyList(kind, listed, self.cached, everywhere=namespace is None)

    def apply_list(self, fresh: PolicyList) -> None:
        """Replace the policies of the listed namespaces, then replay newer watch events."""
        for name, policies in fresh.listed.by_namespace.items():
            if (name and name not in self._namespaces) or self._is_older(name, fresh):
                continue
            self.cached.by_namespace[name] = policies
            self._listed_version[name] = fresh.version
            if not fresh.everywhere:
                self._replay_events(name, policies, fresh.version)
        self.cached.trim(NODE_BYTES)
        if fresh.everywhere:
            self._listed.add(fresh.kind)
        self.notify()

    def _replay_events(self, name: str, policies: NamespacePolicies, version: str) -> None:
        """Apply the watch events that arrived during the list and are newer than it."""
        events = self._events_during_list.pop(name, [])
        policies.needs_relist = policies.needs_relist or len(events) >= MAX_EVENTS_DURING_LIST
        for at, key, found in events:
            if is_later(at, version):
                self._put(key, found)

    def _is_older(self, name: str, fresh: PolicyList) -> bool:
        """Return whether a list of all namespaces overtook this list of one."""
        known = self._listed_version.get(name)
        return not fresh.everywhere and known is not None and is_later(known, fresh.version)

    def upsert(self, kind: str, manifest: Manifest) -> bool:
        """Store a new or changed policy.

        Returns:
            Whether its content differs: most events only change the status.
        """
        key = readable_key(kind, manifest)
        if key is None or not self._is_tracked(key):
            return False
        found, before = cached_policy(kind, key, manifest), self.cached.get(key)
        if not self._is_newer(key, manifest, found) or is_same(found, before):
            return False  # keep the object: the evaluator compares policies by identity
        self._put(key, found)
        return before is not None or self.cached.get(key) is not None

    def remove(self, kind: str, manifest: Manifest) -> bool:
        """Remove a policy; return whether it was in the cache."""
        key = readable_key(kind, manifest)
        if key is None or not self._is_tracked(key) or not self._is_newer(key, manifest, None):
            return False
        held = self.cached.get(key) is not None
        self._put(key, None)
        return held

    def _put(self, key: PolicyKey, found: CachedPolicy | None) -> None:
        if found is None:
            self.cached.drop(key)
            return
        self.cached.put(found)
        warn_if_unreadable(found)

    def _is_tracked(self, key: PolicyKey) -> bool:
        return not key[1] or key[1] in self._namespaces

    def _is_newer(self, key: PolicyKey, manifest: Manifest, found: CachedPolicy | None) -> bool:
        """Return whether a watch event is newer than the list; keep it if a list is under way."""
        version = str(manifest["metadata"].get("resourceVersion", ""))
        events = self._events_during_list.get(key[1])
        if events is not None and len(events) < MAX_EVENTS_DURING_LIST:
            events.append((version, key, found))
        known = self._listed_version.get(key[1])
        return known is not None and is_later(version, known)

    def notify(self) -> None:
        """Signal a change of the cache."""
        self.version += 1
        self.changed()
        for signal in self.list_needed.values():
            signal.set()


def is_later(version: str, than: str) -> bool:
    """Compare resourceVersions as numbers (KEP-5504); one that is not a number may be later."""
    if version.isdecimal() and than.isdecimal():
        return int(version) > int(than)
    return True


@dataclass(frozen=True, slots=True)
class PolicyEventHandler:
    """Applies the watch events of one kind to the cache."""

    cache: PolicyCache
    kind: str

    def replace(self, objects: list[Any]) -> None:
        """Replace all policies of the kind, by lists that a source has read or by manifests."""
        read = [each for each in objects if isinstance(each, PolicyList)]
        if not read:
            read = [self.cache.begin_list(self.kind)]
            for manifest in objects:
                read[0].add(manifest)
        for fresh in read:
            self.cache.apply_list(fresh)

    def apply(self, manifest: Manifest) -> None:
        """Apply a new or changed policy."""
        if self.cache.upsert(self.kind, manifest):
            self.cache.notify()

    def delete(self, manifest: Manifest) -> None:
        """Remove a deleted policy."""
        if self.cache.remove(self.kind, manifest):
            self.cache.notify()
