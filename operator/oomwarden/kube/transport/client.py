"""The API client: configuration, rotated tokens, lists, watches and errors.

Objects are plain dicts, read and written through the generic resources of lightkube.
"""

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import httpx2
from lightkube import ALL_NS, AsyncClient, ConfigError, KubeConfig, SingleConfig
from lightkube.config import client_adapter

from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.objects.needed_fields import without_large_metadata
from oomwarden.core.objects.unreadable import UnreadableObject, unreadable_object
from oomwarden.kube.transport.errors import error_from_response
from oomwarden.kube.transport.list_bodies import Keep, read_list
from oomwarden.kube.transport.requests import Requests
from oomwarden.kube.transport.resources import Resource, is_namespaced
from oomwarden.kube.transport.responses import (
    UnreadableResponseError,
    server_time,
    split_lines,
)

TIMEOUT_SECONDS = 10.0
WATCH_READ_TIMEOUT_SECONDS = 90.0
"""A watch is broken after this silence: bookmarks arrive about once a minute (apiserver
storage/cacher)."""

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


class Client(AsyncClient):
    """lightkube's client, with lists from the watch cache and watches with bookmarks.

    Attributes:
        errors: Counts the calls that failed.
    """

    def __init__(self, config: SingleConfig, timeout: float = TIMEOUT_SECONDS) -> None:
        # The __init__ of lightkube is not called, because it creates another request class.
        self._timeout = httpx2.Timeout(timeout)
        parameters = client_adapter.ConnectionParams(timeout=self._timeout)
        self._client = Requests(parameters, config)
        self.errors = self._client.errors

    async def list_objects(
        self, what: ListOptions, version: str | None = "0", keep: Keep = keep_whole
    ) -> Listing:
        """List objects in one request, decoding one at a time.

        Args:
            what: Which objects.
            version: "0" for the state of the watch cache, another for at least that version, None
                for the latest state from etcd.
            keep: Returns what to keep of an object, or None to drop it. Objects for which it
                raises are returned as `unread`.

        Raises:
            httpx2.HTTPError: The API server cannot be reached, refuses (ApiError), or returned no
                list (UnreadableResponseError).
        """
        request = self._request(what, {"resourceVersion": version})
        unreadable: list[UnreadableObject] = []
        metadata, kept, _ = await self._list(request, partial(_keep_or_record, keep, unreadable))
        if not isinstance(found := metadata.get("resourceVersion"), str):
            with self.errors.counting():
                raise UnreadableResponseError("the response is not a list: no resourceVersion")
        return Listing(found, kept, tuple(unreadable))

    async def watch_objects(
        self, what: ListOptions, version: str, seconds: int
    ) -> AsyncGenerator[tuple[str, Manifest]]:
        """Yield (ADDED | MODIFIED | DELETED | BOOKMARK | ERROR, object) for `seconds`.

        The first item is ("OPEN", {}): the API server has accepted the watch.
        """
        parameters = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
        }
        request = self._request(what, parameters, read_timeout=WATCH_READ_TIMEOUT_SECONDS)
        response = await self._send(request, stream=True)
        try:
            yield "OPEN", {}
            async with aclosing(self.errors.watched(split_lines(response))) as events:
                async for event in events:
                    yield event
        finally:
            await response.aclose()

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
        request = self._request(what, {"limit": str(limit), "continue": token or None})
        request.headers["Accept"] = _METADATA_LIST
        metadata, items, now = await self._list(
            request, partial(without_large_metadata, annotation=annotation)
        )
        return {"metadata": metadata, "items": items}, now

    async def delete_exact(self, resource: Resource, metadata: Mapping[str, str]) -> None:
        """Delete the object with this namespace, name and uid, but no other with the same name.

        Raises:
            ApiError: 404 if it is gone, 409 if another object has its name.
        """
        request = self._client.prepare_request(
            "delete", res=resource, name=metadata["name"], namespace=metadata["namespace"]
        )
        request.data = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": metadata["uid"]},
        }
        await self._send(self._client.build_adapter_request(request))

    async def _list(
        self, request: httpx2.Request, keep: Keep
    ) -> tuple[Manifest, list[Any], datetime]:
        """Return the metadata of a list, what is kept of its items, and the API server's time."""
        request.headers["Accept-Encoding"] = "gzip"
        response = await self._send(request, stream=True)
        with self.errors.counting():
            try:
                fields, kept = await read_list(response, keep)
            finally:
                await response.aclose()
            metadata = fields.get("metadata")
            if not isinstance(metadata, dict) or fields.get("kind") == "Status":
                reason = str(fields.get("message") or f"its kind is {fields.get('kind')}")
                raise httpx2.RemoteProtocolError(f"the response is not a list: {reason[:_SHOWN]}")
        return metadata, kept, server_time(response)

    async def _send(self, request: httpx2.Request, *, stream: bool = False) -> httpx2.Response:
        response: httpx2.Response = await self._client.send(request, stream=stream)  # type: ignore[no-untyped-call]
        if not response.is_success:
            await response.aread()
            raise error_from_response(response)
        return response

    def _request(
        self,
        what: ListOptions,
        parameters: Mapping[str, str | None],
        read_timeout: float | None = None,
    ) -> httpx2.Request:
        everywhere = ALL_NS if is_namespaced(what.resource) else None
        request = self._client.prepare_request(
            "list",
            res=what.resource,
            namespace=what.namespace or everywhere,
            watch="watch" in parameters,
            params={**parameters, "fieldSelector": what.fields, "labelSelector": what.labels},
        )
        if read_timeout is not None:
            request.timeout = httpx2.Timeout(self._timeout)
            request.timeout.read = read_timeout
        return self._client.build_adapter_request(request)


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
    try:
        config = KubeConfig.from_env().get()
    except (ConfigError, KeyError, OSError) as error:
        raise ConfigError(
            "no API server is configured: this is not a pod with a service account, and no "
            f"kubeconfig could be read ({error}); set KUBECONFIG to a file"
        ) from error
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # otherwise it logs each request
    if config is None:
        raise ConfigError(
            "the kubeconfig has no current context; set one with `kubectl config use-context`"
        )
    return Client(config, timeout)
