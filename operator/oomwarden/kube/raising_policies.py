"""Which namespaces have a policy with onOOM: only their kills need an answer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from oomwarden.core.objects.json_parts import object_at, objects_at
from oomwarden.kube.transport import reflector as watch
from oomwarden.kube.transport.client import Client, Json, Listing, ListOptions
from oomwarden.kube.transport.resources import ClusterOOMPolicy, OOMPolicy, Resource


def raises(policy: Json) -> bool:
    """Whether a rule says what to do when a container ran out of memory."""
    return any(rule.get("onOOM") for rule in objects_at(object_at(policy, "spec"), "rules"))


def _identity(policy: Json) -> tuple[str, int]:
    """Give the namespace, empty for none, and what tells a policy from others in it."""
    metadata = policy["metadata"]
    return str(metadata.get("namespace") or ""), hash(metadata["name"])


@dataclass(slots=True)
class _Of:
    """Those of one kind, by namespace: hashes of names, as there may be 100,000."""

    listed: bool = False
    names: dict[str, set[int]] = field(default_factory=dict)

    def replace(self, objects: list[tuple[str, int]]) -> None:
        self.names = {}
        for namespace, name in objects:
            self.names.setdefault(namespace, set()).add(name)
        self.listed = True

    def apply(self, manifest: Json) -> None:
        namespace, name = _identity(manifest)
        if raises(manifest):
            self.names.setdefault(namespace, set()).add(name)
        else:
            self.delete(manifest)

    def delete(self, manifest: Json) -> None:
        namespace, name = _identity(manifest)
        names = self.names.get(namespace, set())
        names.discard(name)
        if not names:
            self.names.pop(namespace, None)


@dataclass(frozen=True, slots=True)
class _Source:
    client: Client

    async def listing(self, what: ListOptions, version: str | None = "0") -> Listing:
        return await self.client.listing(
            what, version, lambda each: _identity(each) if raises(each) else None
        )

    async def watching(
        self, what: ListOptions, version: str, seconds: int
    ) -> AsyncGenerator[tuple[str, Json]]:
        async with aclosing(self.client.watching(what, version, seconds)) as events:
            async for event in events:
                yield event


@dataclass(slots=True)
class RaisingPolicies:
    """Follows the policies of both kinds; `known` is set once both were listed."""

    client: Client
    known: asyncio.Event = field(default_factory=asyncio.Event)
    _own: _Of = field(default_factory=_Of)
    _everywhere: _Of = field(default_factory=_Of)

    def answer(self, namespace: str) -> bool:
        """Whether a kill in a namespace may be answered."""
        return bool(self._everywhere.names) or namespace in self._own.names

    async def run(self) -> None:
        """Follow for ever."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._follow(OOMPolicy, self._own))
            loops.create_task(self._follow(ClusterOOMPolicy, self._everywhere))

    async def _follow(self, resource: Resource, found: _Of) -> None:
        await watch.follow(_Source(self.client), ListOptions(resource), found, self._heard)

    def _heard(self) -> None:
        if self._own.listed and self._everywhere.listed:
            self.known.set()
