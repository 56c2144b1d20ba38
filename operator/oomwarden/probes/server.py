"""A server of a few pages in one thread, with bounds: whoever connects costs next to nothing.

It answers while the process's event loop hangs, and whatever clients do: connect and say nothing,
send a byte now and then, never read, come by the thousands. Nothing grows with their number.
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

from oomwarden.probes.connections import Connection, Connections
from oomwarden.probes.exchange import go_on, is_acknowledged
from oomwarden.probes.http_head import Answer, Request, as_bytes, refusal
from oomwarden.probes.pages import Cached, Page

MOST_CONNECTIONS = 32
PATIENCE_SECONDS = 5.0
"""From the connection's begin to its end; a kubelet's own patience with its probe."""
_BACKLOG = 1024
_AT_ONCE = MOST_CONNECTIONS // 2
"""Accepted in one turn: each has a turn of its own before others could have taken its place."""
_LOOK_AGAIN_SECONDS = 0.1
_NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_BY_RESET = struct.pack("ii", 1, 0)
_LOG = logging.getLogger(__name__)


class ProbeServer:
    """Serves pages by their path on all addresses of the pod, IPv4 and IPv6."""

    def __init__(
        self, port: int, pages: Mapping[str, Page], patience: float = PATIENCE_SECONDS
    ) -> None:
        """Listen and begin to serve.

        Raises:
            OSError: the port is taken.
        """
        self._pages = {path: Cached(page) for path, page in pages.items()}
        self._patience = patience
        self._open = Connections(MOST_CONNECTIONS)
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
        """Give the TCP port."""
        port: int = self._listener.getsockname()[1]
        return port

    def close(self) -> None:
        """Stop serving; returns when all is closed."""
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
        """Serve who waits, then let others come; False: it was closed."""
        ready = {key.fd for key, _ in self._selector.select(self._until_next())}
        now = time.monotonic()
        for each in self._open:
            if each.deadline <= now:
                self._drop(each)
            elif each.ended or each.socket.fileno() in ready:
                self._serve(each)
        if self._spare is None and not self._open:
            self._spare = _spare()
        if self._paused or self._listener.fileno() in ready:
            self._accept()
        return self._wake.fileno() not in ready

    def _until_next(self) -> float | None:
        """Give the seconds until something is to be done that no event tells of."""
        if self._paused or any(each.ended for each in self._open):
            return _LOOK_AGAIN_SECONDS
        deadline = self._open.next_deadline()
        return None if deadline is None else max(deadline - time.monotonic(), 0)

    def _accept(self) -> None:
        """Let those in who wait; without descriptors one in each turn, in the place of another.

        Linux says EMFILE before it looks whether anybody waits (net/socket.c, do_accept, 5.10):
        asked again at once, a client would have to go for nobody.
        """
        crowded = False
        for _ in range(_AT_ONCE):
            try:
                client, address = self._listener.accept()
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    continue  # the client went before its turn (accept(2))
                if crowded:
                    break
                if not self._make_room():
                    self._pause(error)
                    return
                crowded = True
            else:
                self._take(client, str(address[0]))
        self._go_on()

    def _take(self, client: socket.socket, address: str) -> None:
        client.setblocking(False)  # noqa: FBT003 - as socket names it
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _BY_RESET)
        if self._open.is_full:
            self._make_room()
        connection = Connection(client, address, time.monotonic() + self._patience)
        self._open.add(connection)
        self._serve(connection)

    def _make_room(self) -> bool:
        """Give up one descriptor: a client's, or the spare one. False: there is none to give."""
        if victim := self._open.least_deserving():
            self._drop(victim)
        elif self._spare is not None:
            os.close(self._spare)
            self._spare = None
        else:
            return False
        return True

    def _pause(self, error: OSError) -> None:
        """Leave new clients in the kernel's queue: the rest of the process took what was spare."""
        if not self._paused:
            _LOG.warning("probes wait for a descriptor: %s", error)
            self._selector.unregister(self._listener)
            self._paused = True

    def _go_on(self) -> None:
        with suppress(OSError):  # no memory to watch it: at the next turn
            if self._paused:
                self._selector.register(self._listener, selectors.EVENT_READ)
                self._paused = False

    def _serve(self, connection: Connection) -> None:
        """Go on with a client as far as it goes without waiting."""
        try:
            with suppress(BlockingIOError):
                go_on(connection, self._answer)
            self._wait(connection)
        except OSError:  # it hung up, which is its right, or the kernel has no memory to watch it
            self._drop(connection)

    def _answer(self, asked: Request | Answer) -> bytes:
        if isinstance(asked, Answer):
            return as_bytes(asked)
        page = self._pages.get(asked.path)
        found = page() if page else refusal(HTTPStatus.NOT_FOUND, f"see {', '.join(self._pages)}")
        return as_bytes(found, head_only=asked.method == "HEAD")

    def _wait(self, connection: Connection) -> None:
        if connection.ended and is_acknowledged(connection.socket):
            self._drop(connection)
        else:
            self._listen_to(connection)

    def _listen_to(self, connection: Connection) -> None:
        events = connection.awaited()
        if events == connection.registered:
            return
        registered, connection.registered = connection.registered, 0  # what fails is not watched
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
    """Hold a descriptor, so that a probe is answered when the process has no other; None: not now.

    Without it probes wait, and `_pause` says so.
    """
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _listen(port: int) -> socket.socket:
    """Listen on IPv6 and IPv4 alike, or on IPv4 where the kernel has no other."""
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    listener = socket.create_server(
        ("", port), family=family, backlog=_BACKLOG, dualstack_ipv6=both
    )
    listener.setblocking(False)  # noqa: FBT003 - as socket names it
    return listener
