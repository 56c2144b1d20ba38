"""Which objects to list, what a list returns, and lists that are the first events of a watch.

Such a streamed list (WatchList) is on by default since Kubernetes 1.34. The API server sends the
objects one by one from its cache and holds no list in memory, and the watch goes on in the same
response. A server that does not know it refuses; then a plain list follows.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from msgspec import Struct

from oomwarden.core.objects.json_parts import Manifest, object_at
from oomwarden.core.objects.unreadable import UnreadableObject, unreadable_object
from oomwarden.kube.transport.bodies import Keep, resource_version
from oomwarden.kube.transport.errors import error_from_status
from oomwarden.kube.transport.resources import Resource

EVENT_SECONDS = 10.0
"""A server that knows streamed lists sends their next event within this time, as client-go expects
(tools/cache/reflector.go, newInitialEventsEndBookmarkTicker)."""
RETRY_SECONDS = 3600.0
"""A server that did not know them may be upgraded while this process runs."""
REFUSALS = frozenset({400, 405, 415, 422, 501})
"""Statuses with which a server refuses the parameters (apimachinery validateWatchOptions: 422)."""
END = "k8s.io/initial-events-end"
"""The annotation of the bookmark behind the last object (apimachinery
metav1.InitialEventsAnnotationKey)."""

WatchEvents = AsyncGenerator[tuple[str, Manifest]]
"""(ADDED | MODIFIED | DELETED | BOOKMARK | ERROR, object), one after the other."""


class ListOptions(Struct, frozen=True):
    """Which objects to list or watch.

    Attributes:
        resource: The resource.
        namespace: The namespace, None for all namespaces.
        fields: Field selector.
        labels: Label selector.
    """

    resource: Resource
    namespace: str | None = None
    fields: str | None = None
    labels: str | None = None

    @property
    def path(self) -> str:
        """Return the path of the objects."""
        return self.resource.path(self.namespace)

    def query(self, **parameters: str | None) -> Mapping[str, str | None]:
        """Return these parameters and the selectors."""
        return {**parameters, "fieldSelector": self.fields, "labelSelector": self.labels}


class Listing(Struct, frozen=True):
    """The result of a list.

    Attributes:
        version: The resourceVersion from which a watch continues.
        objects: What was kept of the objects.
        unread: The objects that could not be processed.
        changes: The watch that continues the list, if one request does both; to be closed.
    """

    version: str
    objects: list[Any]
    unread: tuple[UnreadableObject, ...] = ()
    changes: WatchEvents | None = None


def keep_whole(manifest: Manifest) -> Manifest:
    """Return the object unchanged."""
    return manifest


def keep_or_record(keep: Keep, unreadable: list[UnreadableObject], manifest: Manifest) -> Any:  # noqa: ANN401 - whatever is kept
    """Return what is kept of an object. If that fails, add it to the unreadable ones."""
    try:
        return keep(manifest)
    except Exception as error:  # noqa: BLE001 - an object may cause any error
        unreadable.append(unreadable_object(manifest, error))
        return None


class StreamSupport(Struct):
    """Whether to ask the API server for a streamed list.

    Attributes:
        retry_at: Seconds of the monotonic clock before which it is not asked.
    """

    retry_at: float = 0.0

    def is_possible(self) -> bool:
        """Return whether the API server may know streamed lists."""
        return time.monotonic() >= self.retry_at

    def refuse(self) -> None:
        """Note that it does not know them."""
        self.retry_at = time.monotonic() + RETRY_SECONDS


class NoStreamedListError(Exception):
    """The events are not a list.

    Attributes:
        is_lasting: Whether the next attempt would end in the same way.
    """

    def __init__(self, *, is_lasting: bool) -> None:
        super().__init__()
        self.is_lasting = is_lasting


async def _initial_event(events: WatchEvents) -> tuple[str, Manifest]:
    """Return the next object of a streamed list, or the bookmark behind the last one.

    Raises:
        NoStreamedListError: The server does not mark the end, or an object changed before it. What
            was kept of the object may be anything, so the change cannot be applied to it.
    """
    try:
        async with asyncio.timeout(EVENT_SECONDS):
            async for kind, manifest in events:
                if kind == "ERROR":
                    raise error_from_status(manifest)
                if kind in {"MODIFIED", "DELETED"}:
                    raise NoStreamedListError(is_lasting=False)
                if kind == "ADDED" or _is_end(manifest):
                    return kind, manifest
    except TimeoutError:
        pass
    raise NoStreamedListError(is_lasting=True)


def _is_end(manifest: Manifest) -> bool:
    """Return whether this is the bookmark behind the last object."""
    return object_at(object_at(manifest, "metadata"), "annotations").get(END) == "true"


async def read_streamed(events: WatchEvents, keep: Keep) -> Listing:
    """Read a streamed list. It takes over the events, and closes them if it fails.

    Raises:
        NoStreamedListError: The events are not a list.
        API_ERRORS: The watch has failed.
    """
    unread, kept = list[UnreadableObject](), list[Any]()
    try:
        while True:
            kind, manifest = await _initial_event(events)
            if kind == "BOOKMARK":
                version = resource_version(manifest)
                return Listing(version, kept, tuple(unread), events)
            if (part := keep_or_record(keep, unread, manifest)) is not None:
                kept.append(part)
    except BaseException:
        await events.aclose()
        raise
