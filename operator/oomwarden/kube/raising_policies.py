"""Which namespaces have a policy with onOOM: only their kills need a response."""

import asyncio

from msgspec import Struct, field

from oomwarden.core.objects.json_parts import Manifest, object_at, objects_at
from oomwarden.kube.transport import reflector
from oomwarden.kube.transport.client import Client, Listing, ListOptions, WatchEvents
from oomwarden.kube.transport.resources import ClusterOOMPolicy, OOMPolicy, Resource


def has_on_oom(policy: Manifest) -> bool:
    """Return whether a rule of the policy has onOOM."""
    return any(rule.get("onOOM") for rule in objects_at(object_at(policy, "spec"), "rules"))


def _identity(policy: Manifest) -> tuple[str, int]:
    """Return the namespace, empty for cluster policies, and the hash of the name."""
    metadata = policy["metadata"]
    return str(metadata.get("namespace") or ""), hash(metadata["name"])


def _identity_on_oom(policy: Manifest) -> tuple[str, int] | None:
    return _identity(policy) if has_on_oom(policy) else None


class _PolicyCache(Struct):
    """Policies with onOOM of one kind, by namespace. It keeps hashes, as there may be 100,000."""

    listed: bool = False
    names: dict[str, set[int]] = field(default_factory=dict)

    def replace(self, objects: list[tuple[str, int]]) -> None:
        self.names = {}
        for namespace, name in objects:
            self.names.setdefault(namespace, set()).add(name)
        self.listed = True

    def apply(self, manifest: Manifest) -> None:
        namespace, name = _identity(manifest)
        if has_on_oom(manifest):
            self.names.setdefault(namespace, set()).add(name)
        else:
            self.delete(manifest)

    def delete(self, manifest: Manifest) -> None:
        namespace, name = _identity(manifest)
        names = self.names.get(namespace, set())
        names.discard(name)
        if not names:
            self.names.pop(namespace, None)


class _PolicyListerWatcher(Struct, frozen=True):
    client: Client

    async def list_objects(self, what: ListOptions, version: str | None = "0") -> Listing:
        return await self.client.list_objects(what, version, _identity_on_oom)

    async def stream_objects(self, what: ListOptions, version: str, seconds: int) -> Listing | None:
        return await self.client.stream_objects(what, version, seconds, _identity_on_oom)

    def watch_objects(self, what: ListOptions, version: str, seconds: int) -> WatchEvents:
        return self.client.watch_objects(what, version, seconds)


class RaisingPolicies(Struct):
    """Watches the policies of both kinds.

    Attributes:
        client: The API client.
        synced: Set once both kinds were listed.
    """

    client: Client
    synced: asyncio.Event = field(default_factory=asyncio.Event)
    _own: _PolicyCache = field(default_factory=_PolicyCache)
    _everywhere: _PolicyCache = field(default_factory=_PolicyCache)

    def may_respond(self, namespace: str) -> bool:
        """Return whether a kill in a namespace may need a response."""
        return bool(self._everywhere.names) or namespace in self._own.names

    async def run(self) -> None:
        """List and watch the policies until cancelled."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._watch(OOMPolicy, self._own))
            loops.create_task(self._watch(ClusterOOMPolicy, self._everywhere))

    async def _watch(self, resource: Resource, found: _PolicyCache) -> None:
        await reflector.list_and_watch(
            _PolicyListerWatcher(self.client), ListOptions(resource), found, self._check_synced
        )

    def _check_synced(self) -> None:
        if self._own.listed and self._everywhere.listed:
            self.synced.set()
