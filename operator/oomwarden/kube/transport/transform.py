"""Lists and watches that keep only the needed fields of objects."""

from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from oomwarden.core.objects.json_parts import Manifest, object_at
from oomwarden.core.objects.unreadable import describe_error
from oomwarden.kube.transport.client import Client, Listing, ListOptions, WatchEvents, keep_whole

_IDENTITY = ("name", "namespace", "uid", "resourceVersion")
_OBJECTS = {"ADDED", "MODIFIED", "DELETED"}


class TransformingListerWatcher(Struct, frozen=True):
    """A ListerWatcher that transforms objects, like the TransformFunc of client-go.

    Attributes:
        client: The API client.
        transform: Returns the manifest to pass on, which must include the metadata.
        list_transform: Used instead for the objects of a list; returns what the event handler's
            `replace` expects.
    """

    client: Client
    transform: Callable[[Manifest], Manifest] = keep_whole
    list_transform: Callable[[Manifest], Any] | None = None

    async def list_objects(self, what: ListOptions, version: str | None = "0") -> Listing:
        """List objects, transformed one at a time."""
        return await self.client.list_objects(what, version, self.list_transform or self._transform)

    async def stream_objects(self, what: ListOptions, version: str, seconds: int) -> Listing | None:
        """List and watch with one request, all objects transformed."""
        keep = self.list_transform or self._transform
        listing = await self.client.stream_objects(what, version, seconds, keep)
        if listing is None or listing.changes is None:
            return listing
        return replace(listing, changes=self._transformed(listing.changes))

    def watch_objects(self, what: ListOptions, version: str, seconds: int) -> WatchEvents:
        """Watch objects from a resourceVersion."""
        return self._transformed(self.client.watch_objects(what, version, seconds))

    async def _transformed(self, changes: WatchEvents) -> WatchEvents:
        async with aclosing(changes) as events:
            async for kind, manifest in events:
                yield kind, self._transform(manifest) if kind in _OBJECTS else manifest

    def _transform(self, manifest: Manifest) -> Manifest:
        """Transform an object. If that fails, keep its identity and note what was cut."""
        try:
            return self.transform(manifest)
        except Exception as error:  # noqa: BLE001 - an object may cause any error
            known = object_at(manifest, "metadata")
            identity = {key: known[key] for key in _IDENTITY if key in known}
            return {"metadata": identity, "cut": f"all but its name: {describe_error(error)}"}
