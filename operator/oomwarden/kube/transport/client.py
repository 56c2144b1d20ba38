"""The connection to the API server: configuration, rotated tokens, lists, watches, plain errors.

Objects are plain dicts, read and written through lightkube's generic resources.
"""

import logging
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import httpx2
from lightkube import ALL_NS, AsyncClient, ConfigError, KubeConfig, SingleConfig
from lightkube.config import client_adapter

from oomwarden.core.objects.needed_fields import without_large_metadata
from oomwarden.core.objects.passed_over import UnreadableObject, unread
from oomwarden.kube.transport.answers import UnreadableAnswerError, watch_event
from oomwarden.kube.transport.errors import error_from
from oomwarden.kube.transport.list_bodies import Keep, read_list
from oomwarden.kube.transport.requests import Requests
from oomwarden.kube.transport.resources import Resource, is_namespaced

TIMEOUT_SECONDS = 10.0
QUIET_SECONDS = 90.0
"""Longest silence of a watch; bookmarks come about once a minute (apiserver storage/cacher)."""

_SHOWN = 300
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ListOptions:
    """Objects of one resource; `namespace` None: of all. Selectors as the API server takes them."""

    resource: Resource
    namespace: str | None = None
    fields: str | None = None
    labels: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What is kept of a list, and the version from which a watch continues it.

    `unread` are the objects of which nothing could be kept.
    """

    version: str
    objects: list[Any]
    unread: tuple[UnreadableObject, ...] = ()


def everything(manifest: Json) -> Json:
    """Keep an object whole."""
    return manifest


class Client(AsyncClient):
    """lightkube's client with lists from the watch cache and watches with bookmarks."""

    def __init__(self, config: SingleConfig, timeout: float = TIMEOUT_SECONDS) -> None:
        # Not lightkube's own __init__: that builds its own requests.
        self._timeout = httpx2.Timeout(timeout)
        parameters = client_adapter.ConnectionParams(timeout=self._timeout)
        self._client = Requests(parameters, config)

    async def listing(
        self, what: ListOptions, version: str | None = "0", keep: Keep = everything
    ) -> Listing:
        """List in one request, and hold one object at a time.

        Args:
            what: Which objects.
            version: "0": whatever the watch cache holds. Another: at least that new. None: the
                newest, from etcd.
            keep: Gives what is to be kept of an object; None: nothing. One that makes it raise is
                passed over, and the others are not.
        """
        request, passed = (
            self._request(what, {"resourceVersion": version}),
            list[UnreadableObject](),
        )
        metadata, kept, _ = await self._list(request, partial(_kept_or_unread, keep, passed))
        if not isinstance(found := metadata.get("resourceVersion"), str):
            raise UnreadableAnswerError("the answer is no list: it has no resourceVersion")
        return Listing(found, kept, tuple(passed))

    async def watching(
        self, what: ListOptions, version: str, seconds: int
    ) -> AsyncGenerator[tuple[str, Json]]:
        """Give (ADDED | MODIFIED | DELETED | BOOKMARK | ERROR, object) for so many seconds.

        First of all comes ("OPEN", {}): the API server has taken the watch.
        """
        parameters = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
        }
        request = self._request(what, parameters, read_timeout=QUIET_SECONDS)
        response = await self._send(request, stream=True)
        try:
            yield "OPEN", {}
            async for line in _lines(response):
                yield watch_event(line)
        finally:
            await response.aclose()

    async def metadata_page(
        self, what: ListOptions, token: str, limit: int, annotation: str = ""
    ) -> tuple[Json, datetime]:
        """List a part of what there is, only metadata; gives the list and the API server's time.

        managedFields and other annotations are left out: they may be larger than all else.

        Args:
            what: Which objects.
            token: `metadata.continue` of the part before; empty: the first one.
            limit: How many objects at most.
            annotation: The one that is kept; empty: none.
        """
        part = {"limit": str(limit), "continue": token or None}
        request = self._request(what, part)
        request.headers["Accept"] = _METADATA_LIST
        metadata, items, now = await self._list(
            request, partial(without_large_metadata, annotation=annotation)
        )
        return {"metadata": metadata, "items": items}, now

    async def delete_this(self, resource: Resource, metadata: Mapping[str, str]) -> None:
        """Delete the object of this namespace, name and uid; not another one of the same name.

        Raises:
            ApiError: 404, it is gone; 409, another one has its name.
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

    async def _list(self, request: httpx2.Request, keep: Keep) -> tuple[Json, list[Any], datetime]:
        """Give a list's metadata, what is kept of its items, and the API server's time."""
        request.headers["Accept-Encoding"] = "gzip"
        response = await self._send(request, stream=True)
        try:
            fields, kept = await read_list(response, keep)
        finally:
            await response.aclose()
        metadata = fields.get("metadata")
        if not isinstance(metadata, dict) or fields.get("kind") == "Status":
            told = str(fields.get("message") or f"its kind is {fields.get('kind')}")
            raise httpx2.RemoteProtocolError(f"the answer is no list: {told[:_SHOWN]}")
        return metadata, kept, _date(response)

    async def _send(self, request: httpx2.Request, *, stream: bool = False) -> httpx2.Response:
        response: httpx2.Response = await self._client.send(request, stream=stream)  # type: ignore[no-untyped-call]
        if not response.is_success:
            await response.aread()
            raise error_from(response)
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


def _kept_or_unread(keep: Keep, passed: list[UnreadableObject], manifest: Json) -> Any:  # noqa: ANN401 - whatever is kept
    try:
        return keep(manifest)
    except Exception as error:  # noqa: BLE001 - whatever an object makes it raise
        passed.append(unread(manifest, error))
        return None


async def _lines(response: httpx2.Response) -> AsyncGenerator[bytes]:
    """Split at line feeds alone: a text in JSON may hold other line ends as they are (U+0085)."""
    parts: list[bytes] = []
    async for piece in response.aiter_bytes():
        first, *more = piece.split(b"\n")
        parts.append(first)
        for each in more:
            yield b"".join(parts)
            parts = [each]
    if rest := b"".join(parts):
        yield rest


def _date(response: httpx2.Response) -> datetime:
    """Read the server's clock, which also stamps objects; ours where it does not tell."""
    try:
        return parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return datetime.now(UTC)


def connect(timeout: float = TIMEOUT_SECONDS) -> Client:
    """Connect as the pod's service account, else as $KUBECONFIG or ~/.kube/config says.

    Args:
        timeout: Seconds that connecting, sending and each read may take.

    Raises:
        ConfigError: when none of these can be used; the message names the remedy.
    """
    try:
        config = KubeConfig.from_env().get()
    except (ConfigError, KeyError, OSError) as error:
        raise ConfigError(
            "no way to reach an API server: this is no pod with a service account, and no "
            f"kubeconfig can be used ({error}); set KUBECONFIG to one file"
        ) from error
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # else a line for each request
    if config is None:
        raise ConfigError(
            "the kubeconfig names no context; set one with `kubectl config use-context`"
        )
    return Client(config, timeout)
