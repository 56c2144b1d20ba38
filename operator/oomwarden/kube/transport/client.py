"""The API client: calls for single objects, lists and watches."""

from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import Any

from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.objects.needed_fields import without_large_metadata
from oomwarden.core.objects.unreadable import UnreadableObject
from oomwarden.kube.http.connect import default_transport
from oomwarden.kube.http.exchange import ApiRequest, ApiResponse, Transport
from oomwarden.kube.http.failures import ProtocolError
from oomwarden.kube.transport import requests
from oomwarden.kube.transport.bodies import (
    Keep,
    ParseEvent,
    UnreadableResponseError,
    parse_watch_event,
    read_list,
    server_time,
    split_lines,
)
from oomwarden.kube.transport.calls import ObjectCalls
from oomwarden.kube.transport.errors import ApiError
from oomwarden.kube.transport.listings import (
    REFUSALS,
    Listing,
    ListOptions,
    NoStreamedListError,
    StreamSupport,
    WatchEvents,
    keep_or_record,
    keep_whole,
    read_streamed,
)

__all__ = ["Client", "ListOptions", "Listing", "WatchEvents", "connect", "keep_whole"]

TIMEOUT_SECONDS = 10.0
WATCH_READ_TIMEOUT_SECONDS = 90.0
"""A watch is broken after this silence: bookmarks arrive about once a minute (apiserver
storage/cacher)."""
PAGE_SIZE = 500
"""Objects in a page of a list from etcd, as in client-go (tools/pager)."""

_SHOWN = 300
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Client(ObjectCalls):
    """Lists and watches, too. Each call may raise one of kube.transport.errors.API_ERRORS."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._streams = StreamSupport()

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
            metadata, page, _ = await self._list(request, partial(keep_or_record, keep, unreadable))
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
        self,
        what: ListOptions,
        version: str,
        seconds: int,
        parse: ParseEvent = parse_watch_event,
    ) -> WatchEvents:
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
        async with aclosing(self._events(response, parse)) as events:
            yield "OPEN", {}
            async for event in events:
                yield event

    async def stream_objects(
        self,
        what: ListOptions,
        version: str,
        seconds: int,
        keep: Keep = keep_whole,
        parse: ParseEvent = parse_watch_event,
    ) -> Listing | None:
        """List and watch with one request.

        Args:
            what: Which objects.
            version: "0" for the state of the watch cache, another for at least that version.
            seconds: How long the watch lasts.
            keep: See list_objects.
            parse: Reads an event.

        Returns:
            The list, with its watch; None if the API server does not do this now: what was kept is
            to be forgotten, and a plain list will work.
        """
        if not self._streams.is_possible():
            return None
        query = what.query(
            watch="true",
            sendInitialEvents="true",
            resourceVersionMatch="NotOlderThan",
            allowWatchBookmarks="true",
            resourceVersion=version,
            timeoutSeconds=str(seconds),
        )
        request = requests.watch(what.path, query, WATCH_READ_TIMEOUT_SECONDS)
        try:
            response = await self.send(request, refusals=REFUSALS)
        except ApiError as error:
            if error.status.code not in REFUSALS:
                raise
            self._streams.refuse()
            return None
        try:
            return await read_streamed(self._events(response, parse), keep)
        except NoStreamedListError as error:
            if error.is_lasting:
                self._streams.refuse()
            return None

    async def _events(self, response: ApiResponse, parse: ParseEvent) -> WatchEvents:
        try:
            async with aclosing(self.errors.watched(split_lines(response), parse)) as events:
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


def connect(timeout: float = TIMEOUT_SECONDS) -> Client:
    """Connect with the pod's service account, or as configured by $KUBECONFIG or ~/.kube/config.

    Args:
        timeout: Time-out in seconds of connecting, sending and each read.

    Raises:
        ConfigError: None of these can be used. The message says what to do.
    """
    return Client(default_transport(timeout))
