"""The API server: HTTPS on loopback, lists, watches and writes; it counts what it is asked.

It has no authorization and no validation. Watches send bookmarks once a minute, as the API server's
watch cache does.
"""

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from bench.weight.api import certificates
from bench.weight.api.requests import Request, Response, head, read_request
from bench.weight.api.store import Json, Selects, Store, encoded, merged, patched, selector

BOOKMARK_SECONDS = 60.0
_INITIAL_END = "k8s.io/initial-events-end"
_REVIEWS = {"tokenreviews", "subjectaccessreviews", "selfsubjectaccessreviews"}


class ApiServer:
    """Serves a store.

    Attributes:
        store: The objects.
        requests: Number of requests by (verb, resource).
        received: Bytes of requests, likewise.
        sent: Bytes of responses, likewise; without TLS.
        account: The directory of the ServiceAccount's files.
        port: The TCP port on loopback.
        created: Called with a resource, a created object and the monotonic time of its arrival.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.requests: Counter[tuple[str, str]] = Counter()
        self.received: Counter[tuple[str, str]] = Counter()
        self.sent: Counter[tuple[str, str]] = Counter()
        self.account = Path()
        self.port = 0
        self.created: Callable[[str, Json, float], None] = lambda *_: None
        self._news = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        store.changed = self._wake

    @asynccontextmanager
    async def serving(self, directory: Path) -> AsyncIterator[None]:
        """Serve until the block ends; certificates are written to the directory."""
        self.account = certificates.create(directory)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "server.crt", directory / "server.key")
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            for connection in list(self._connections):
                connection.cancel()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection in a task that ends with the server."""
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while (request := await read_request(reader)) is not None:
                at = time.monotonic()
                key = (request.verb, request.target.resource)
                self.requests[key] += 1
                self.received[key] += request.received
                if request.verb == "watch":
                    await self._watch(request, writer)
                    continue
                answer = self._answer(request, at).encoded(request)
                self.sent[key] += len(answer)
                writer.write(answer)
                await writer.drain()
        writer.close()

    def _answer(self, request: Request, at: float) -> Response:
        target = request.target
        match request.verb:
            case "list":
                return self._list(request)
            case "get":
                found = self.store.get(target.resource, target.namespace, target.name)
                return _found(found, target.name)
            case "create" if target.resource in _REVIEWS:
                return Response(201, encoded({**request.body, "status": {"allowed": True}}))
            case "create":
                return self._create(request, at)
            case "delete":
                gone = self.store.delete(target.resource, target.namespace, target.name)
                return _found(gone, target.name)
            case _:
                return self._write(request)

    def _create(self, request: Request, at: float) -> Response:
        target, manifest = request.target, request.body
        metadata = manifest["metadata"]
        if self.store.get(target.resource, target.namespace, metadata["name"]):
            return _status(409, "AlreadyExists", f"{metadata['name']} already exists")
        if target.namespace:
            metadata["namespace"] = target.namespace
        stored = self.store.put(target.resource, manifest)
        self.created(target.resource, manifest, at)
        return Response(201, encoded(stored))

    def _write(self, request: Request) -> Response:
        """Replace or patch an object; an apply patch also creates one."""
        target = request.target
        before = self.store.get(target.resource, target.namespace, target.name)
        applies = "apply-patch" in request.headers.get("content-type", "")
        if before is None and not applies:
            return _found(None, target.name)
        body = request.body
        if request.method == "PATCH":
            body = (patched if isinstance(body, list) else merged)(before or {}, body)
        elif target.part:
            body = {**(before or {}), target.part: body.get(target.part)}
        kept = {"name": target.name} | ({"namespace": target.namespace} if target.namespace else {})
        body["metadata"] = body.get("metadata", {}) | kept
        return Response(200, encoded(self.store.put(target.resource, body)))

    def _list(self, request: Request) -> Response:
        """List; `continue` is the number of objects that earlier pages had."""
        query, version = request.query, str(self.store.version)
        items = self.store.list(request.target.resource, _selects(request))
        begin, limit = int(query.get("continue", "0")), int(query.get("limit", "0"))
        metadata: Json = {"resourceVersion": version}
        if limit and begin + limit < len(items):
            left = len(items) - begin - limit
            metadata |= {"continue": str(begin + limit), "remainingItemCount": left}
        page = items[begin : begin + limit] if limit else items
        listed = {"apiVersion": "v1", "kind": "List", "metadata": metadata, "items": page}
        return Response(200, encoded(listed))

    async def _watch(self, request: Request, writer: asyncio.StreamWriter) -> None:
        query, key = request.query, (request.verb, request.target.resource)
        ends = time.monotonic() + float(query.get("timeoutSeconds", "300"))
        text = head(200, {"Transfer-Encoding": "chunked"})
        seen = int(query.get("resourceVersion") or self.store.version)
        lines: list[bytes] = []
        if query.get("sendInitialEvents") == "true":
            seen = self.store.version
            found = self.store.list(request.target.resource, _selects(request))
            lines = [_event("ADDED", each) for each in found]
            lines.append(_bookmark(found, seen, {_INITIAL_END: "true"}))
        while True:
            text += b"".join(_chunk(line) for line in lines)
            self.sent[key] += len(text)
            writer.write(text)
            await writer.drain()
            if (left := ends - time.monotonic()) <= 0:
                break
            lines, seen = await self._next(request, seen, left)
            text = b""
        writer.write(b"0\r\n\r\n")

    async def _next(self, request: Request, seen: int, left: float) -> tuple[list[bytes], int]:
        """Wait for changes, a bookmark or the end; return lines, and the version they reach."""
        resource, selects = request.target.resource, _selects(request)
        until = time.monotonic() + min(BOOKMARK_SECONDS, left)
        while (wait := until - time.monotonic()) > 0:
            news, now = self._news, self.store.version
            if found := list(self.store.since(seen, resource, selects)):
                return [_event(each.kind, each.manifest) for each in found], now
            seen = now
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), wait)
        return [_bookmark(self.store.list(resource, selects), seen, {})], seen


def _selects(request: Request) -> Selects:
    query = request.query
    fields, labels = query.get("fieldSelector", ""), query.get("labelSelector", "")
    return selector(fields, labels, request.target.namespace)


def _event(kind: str, manifest: Json) -> bytes:
    return encoded({"type": kind, "object": manifest}) + b"\n"


def _bookmark(like: list[Json], version: int, annotations: dict[str, str]) -> bytes:
    shape = like[0] if like else {"kind": "Unknown", "apiVersion": "v1"}
    metadata: Json = {"resourceVersion": str(version)}
    if annotations:
        metadata["annotations"] = annotations
    kinds = {key: shape.get(key) for key in ("kind", "apiVersion")}
    return _event("BOOKMARK", {**kinds, "metadata": metadata})


def _chunk(line: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(line), line)


def _found(manifest: Any, name: str) -> Response:
    if manifest is None:
        return _status(404, "NotFound", f"{name} not found")
    return Response(200, encoded(manifest))


def _status(code: int, reason: str, message: str) -> Response:
    body = {"apiVersion": "v1", "kind": "Status", "status": "Failure", "metadata": {}}
    return Response(code, encoded({**body, "code": code, "reason": reason, "message": message}))
