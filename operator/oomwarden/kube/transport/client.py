"""The API client: calls for single objects, lists and watches."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.objects.needed_fields import without_large_metadata
from oomwarden.core.objects.unreadable import UnreadableObject, unreadable_object
from oomwarden.kube.http.connect import default_transport
from oomwarden.kube.http.exchange import ApiRequest
from oomwarden.kube.http.failures import ProtocolError
from oomwarden.kube.transport import requests
from oomwarden.kube.transport.bodies import Keep, read_list, split_lines
from oomwarden.kube.transport.calls import ObjectCalls
from oomwarden.kube.transport.resources import Resource
from oomwarden.kube.transport.responses import (
    UnreadableResponseError,
    server_time,
)

TIMEOUT_SECONDS = 10.0
WATCH_READ_TIMEOUT_SECONDS = 90.0
"""A watch is broken after this silence: bookmarks arrive about once a minute (apiserver
storage/cacher)."""
PAGE_SIZE = 500
"""Objects in a page of a list from etcd, as in client-go (tools/pager)."""

_SHOWN = 300
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@dataclass(frozen=True, slots=True)
class ListOptions:
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


@dataclass(frozen=True, slots=True)
class Listing:
    """The result of a list.

    Attributes:
        version: The resourceVersion from which a watch continues.
        objects: What was kept of the objects.
        unread: The objects that could not be processed.
    """

    version: str
    objects: list[Any]
    unread: tuple[UnreadableObject, ...] = ()


def keep_whole(manifest: Manifest) -> Manifest:
    """Return the object unchanged."""
    return manifest


class Client(ObjectCalls):
    """Lists and watches, too. Each call may raise one of kube.transport.errors.API_ERRORS."""

    async def list_objects(
        self, what: ListOptions, version: str | None = "0", keep: Keep = keep_whole
    ) -> Listing:
        """List objects, decoding one at a time.

        A list from the watch cache is one response. The API server would ignore a limit there or,
        worse, take all pages but the first from etcd, for each of 2,000 agents (client-go's
        reflector asks for no limit either). A list from etcd is read in pages, because the API
        server holds a page in memory. If the token for the next page has expired, the list fails.

        Args:
            what: Which objects.
            version: "0" for the state of the watch cache, another for at least that version, None
                for the latest state from etcd.
            keep: Returns what to keep of an object, or None to drop it. Objects for which it
                raises are returned as `unread`.

        Raises:
            ApiError: The API server refuses.
            TransportError: It cannot be reached, or returned no list (UnreadableResponseError).
        """
        unreadable, kept = list[UnreadableObject](), list[Any]()
        limit = None if version is not None else str(PAGE_SIZE)
        query = what.query(resourceVersion=version, limit=limit)
        found: str | None = None
        while True:
            request = requests.get(what.path, query)
            metadata, page, _ = await self._list(
                request, partial(_keep_or_record, keep, unreadable)
            )
            kept += page
            found = found or metadata.get("resourceVersion")
            if not isinstance(found, str):
                with self.errors.counting():
                    raise UnreadableResponseError("the response is not a list: no resourceVersion")
            token = metadata.get("continue")
            if not (token and isinstance(token, str)):
                return Listing(found, kept, tuple(unreadable))
            query = what.query(limit=str(PAGE_SIZE), **{"continue": token})

    async def watch_objects(
        self, what: ListOptions, version: str, seconds: int
    ) -> AsyncGenerator[tuple[str, Manifest]]:
        """Yield (ADDED | MODIFIED | DELETED | BOOKMARK | ERROR, object) for `seconds`.

        The first item is ("OPEN", {}): the API server has accepted the watch.
        """
        query = what.query(
            watch="true",
            allowWatchBookmarks="true",
            resourceVersion=version,
            timeoutSeconds=str(seconds),
        )
        response = await self.send(requests.watch(what.path, query, WATCH_READ_TIMEOUT_SECONDS))
        try:
            yield "OPEN", {}
            async with aclosing(self.errors.watched(split_lines(response))) as events:
                async for event in events:
                    yield event
        finally:
            await response.body.aclose()

    async def list_metadata_page(
        self, what: ListOptions, token: str, limit: int, annotation: str = ""
    ) -> tuple[Manifest, datetime]:
        """List one page of objects, only their metadata.

        managedFields and annotations are dropped, as they can be larger than everything else.

        Args:
            what: Which objects.
            token: `metadata.continue` of the previous page; empty for the first.
            limit: Maximum number of objects.
            annotation: An annotation to keep; empty for none.

        Returns:
            The list and the API server's time.
        """
        query = what.query(limit=str(limit), **{"continue": token or None})
        metadata, items, now = await self._list(
            requests.get(what.path, query, _METADATA_LIST),
            partial(without_large_metadata, annotation=annotation),
        )
        return {"metadata": metadata, "items": items}, now

    async def _list(self, request: ApiRequest, keep: Keep) -> tuple[Manifest, list[Any], datetime]:
        """Return the metadata of a list, what is kept of its items, and the API server's time."""
        response = await self.send(request)
        with self.errors.counting():
            try:
                fields, kept = await read_list(response, keep)
            finally:
                await response.body.aclose()
            metadata = fields.get("metadata")
            if not isinstance(metadata, dict) or fields.get("kind") == "Status":
                reason = str(fields.get("message") or f"its kind is {fields.get('kind')}")
                raise ProtocolError(f"the response is not a list: {reason[:_SHOWN]}")
        return metadata, kept, server_time(response)


def _keep_or_record(keep: Keep, unreadable: list[UnreadableObject], manifest: Manifest) -> Any:  # noqa: ANN401 - whatever is kept
    try:
        return keep(manifest)
    except Exception as error:  # noqa: BLE001 - an object may cause any error
        unreadable.append(unreadable_object(manifest, error))
        return None


def connect(timeout: float = TIMEOUT_SECONDS) -> Client:
    """Connect with the pod's service account, or as configured by $KUBECONFIG or ~/.kube/config.

    Args:
        timeout: Time-out in seconds of connecting, sending and each read.

    Raises:
        ConfigError: None of these can be used. The message says what to do.
    """
    return Client(default_transport(timeout))
