"""An HTTP server for a few pages in one thread, whose cost does not grow with its clients.

It responds while the event loop of the process hangs, and whatever clients do: connect and send
nothing, send a byte now and then, never read, or connect by the thousands.
"""

import errno
import logging
import os
import selectors
import socket
import struct
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus

from oomwarden.core.log_line.keys import about
from oomwarden.probes.connections import Connection, Connections
from oomwarden.probes.exchange import advance, is_acknowledged
from oomwarden.probes.http_head import HttpResponse, Request, error_response, serialize
from oomwarden.probes.pages import CachedPage, Page

MAX_CONNECTIONS = 32
MAX_CONNECTION_SECONDS = 5.0
"""Total duration of a connection, equal to `timeoutSeconds` of the chart's probes."""
_BACKLOG = 1024
_ACCEPTS_PER_TURN = MAX_CONNECTIONS // 2
"""So that each connection is served once before later ones can evict it."""
_POLL_SECONDS = 0.1
_NO_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_LINGER_RESET = struct.pack("ii", 1, 0)
_LOG = logging.getLogger(__name__)


class ProbeServer:
    """Serves pages by path on all addresses of the pod, IPv4 and IPv6."""

    def __init__(
        self, port: int, pages: Mapping[str, Page], max_seconds: float = MAX_CONNECTION_SECONDS
    ) -> None:
        """Start to listen and serve.

        Args:
            port: TCP port; 0 selects a free one.
            pages: The pages, by path.
            max_seconds: Total duration of a connection.

        Raises:
            OSError: The port is in use.
        """
        self._pages = {path: CachedPage(page) for path, page in pages.items()}
        self._max_seconds = max_seconds
        self._open = Connections(MAX_CONNECTIONS)
        self._listener = _listen(port)
        self._wake, self._waker = socket.socketpair()
        self._spare = _spare()
        self._paused = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="probes", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The TCP port."""
        port: int = self._listener.getsockname()[1]
        return port

    def close(self) -> None:
        """Stop serving, and return when all sockets are closed."""
        self._waker.close()
        self._thread.join()

    def _run(self) -> None:
        while self._turn():
            pass
        for connection in self._open:
            self._drop(connection)
        for socket_ in (self._listener, self._wake):
            socket_.close()
        self._selector.close()
        if self._spare is not None:
            os.close(self._spare)

    def _turn(self) -> bool:
        """Serve the ready connections, then accept others. Return False after `close`."""
        ready = {key.fd for key, _ in self._selector.select(self._until_next())}
        now = time.monotonic()
        for each in self._open:
            if each.deadline <= now:
                self._drop(each)
            elif each.client_closed or each.socket.fileno() in ready:
                self._serve(each)
        if self._spare is None and not self._open:
            self._spare = _spare()
        if self._paused or self._listener.fileno() in ready:
            self._accept()
        return self._wake.fileno() not in ready

    def _until_next(self) -> float | None:
        """Return the seconds until something is due that no event announces."""
        if self._paused or any(each.client_closed for each in self._open):
            return _POLL_SECONDS
        deadline = self._open.next_deadline()
        return None if deadline is None else max(deadline - time.monotonic(), 0)

    def _accept(self) -> None:
        """Accept waiting clients; without free descriptors one per turn, which evicts another.

        Linux returns EMFILE before it checks whether a client is waiting (net/socket.c, do_accept,
        5.10). A second attempt in the same turn could evict a client although none is waiting.
        """
        evicted = False
        for _ in range(_ACCEPTS_PER_TURN):
            try:
                client, address = self._listener.accept()
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno not in _NO_RESOURCES:
                    continue  # the client has disconnected (accept(2))
                if evicted:
                    break
                if not self._free_descriptor():
                    self._pause(error)
                    return
                evicted = True
            else:
                self._admit(client, str(address[0]))
        self._resume()

    def _admit(self, client: socket.socket, address: str) -> None:
        client.setblocking(False)  # noqa: FBT003 - as socket names it
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        if self._open.is_full:
            self._free_descriptor()
        connection = Connection(client, address, time.monotonic() + self._max_seconds)
        self._open.add(connection)
        self._serve(connection)

    def _free_descriptor(self) -> bool:
        """Close a client's descriptor or the spare one. Return False if there is neither."""
        if victim := self._open.eviction_candidate():
            self._drop(victim)
        elif self._spare is not None:
            os.close(self._spare)
            self._spare = None
        else:
            return False
        return True

    def _pause(self, error: OSError) -> None:
        """Leave new clients in the kernel's queue: the process has used up all descriptors."""
        if not self._paused:
            _LOG.warning(
                "probes and scrapes are not answered until a file descriptor is free: %s",
                error,
                extra=about(reason="NoDescriptors", error=str(error)),
            )
            self._selector.unregister(self._listener)
            self._paused = True

    def _resume(self) -> None:
        with suppress(OSError):  # no memory to watch the listener; the next turn retries
            if self._paused:
                self._selector.register(self._listener, selectors.EVENT_READ)
                self._paused = False

    def _serve(self, connection: Connection) -> None:
        """Advance the exchange with a client as far as possible without blocking."""
        try:
            with suppress(BlockingIOError):
                advance(connection, self._respond)
            self._wait(connection)
        except OSError:  # the client has disconnected, or the kernel has no memory to watch it
            self._drop(connection)

    def _respond(self, request: Request | HttpResponse) -> bytes:
        if isinstance(request, HttpResponse):
            return serialize(request)
        page = self._pages.get(request.path)
        found = (
            page(compressed=request.gzip)
            if page
            else error_response(HTTPStatus.NOT_FOUND, f"see {', '.join(self._pages)}")
        )
        return serialize(found, head_only=request.method == "HEAD")

    def _wait(self, connection: Connection) -> None:
        if connection.client_closed and is_acknowledged(connection.socket):
            self._drop(connection)
        else:
            self._listen_to(connection)

    def _listen_to(self, connection: Connection) -> None:
        events = connection.wanted_events()
        if events == connection.registered:
            return
        registered, connection.registered = (
            connection.registered,
            0,
        )  # so that it is not watched if this fails
        if not registered:
            self._selector.register(connection.socket, events)
        elif not events:
            self._selector.unregister(connection.socket)
        else:
            self._selector.modify(connection.socket, events)
        connection.registered = events

    def _drop(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection.registered:
            self._selector.unregister(connection.socket)
        connection.socket.close()


def _spare() -> int | None:
    """Open a spare descriptor, so that a probe is answered even if the process has no other left.

    Return None if none is free. Probes then wait, which `_pause` logs.
    """
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _listen(port: int) -> socket.socket:
    """Listen on IPv6 and IPv4, or only on IPv4 if the kernel has no IPv6."""
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    listener = socket.create_server(
        ("", port), family=family, backlog=_BACKLOG, dualstack_ipv6=both
    )
    listener.setblocking(False)  # noqa: FBT003 - as socket names it
    return listener
