"""The exchange of a request and a response with one client, without blocking."""

import fcntl
import socket
import struct
import termios
from collections.abc import Callable

from oomwarden.probes.connections import Connection
from oomwarden.probes.http_head import MAX_HEAD_BYTES, HttpResponse, Request, parse_request

_MAX_DISCARDED_BYTES = 65536
"""A client that sends no more than this after its request still gets the response."""

Respond = Callable[[Request | HttpResponse], bytes]


def advance(connection: Connection, respond: Respond) -> None:
    """Continue an exchange: read the request, send the response, or discard what follows.

    Args:
        connection: The client's connection.
        respond: Returns the response to a request, or serializes an error response.

    Raises:
        BlockingIOError: The client has to act first.
        OSError: The connection is broken, or the client sent too much.
    """
    if connection.unsent is None:
        _read(connection, respond)
    elif connection.unsent:
        _send(connection, connection.unsent)
    else:
        _discard(connection)


def _read(connection: Connection, respond: Respond) -> None:
    received = connection.socket.recv(MAX_HEAD_BYTES)
    if not received:
        raise ConnectionAbortedError("the client closed the connection before it sent a request")
    connection.received += received
    request = parse_request(bytes(connection.received))
    if request is not None:
        _send(connection, memoryview(respond(request)))


def _send(connection: Connection, rest: memoryview) -> None:
    connection.unsent = rest
    connection.unsent = rest[connection.socket.send(rest) :]
    if not connection.unsent:
        connection.socket.shutdown(socket.SHUT_WR)


def _discard(connection: Connection) -> None:
    """Read to the end, because closing with unread data resets the connection (RFC 9112, 9.6)."""
    count = len(connection.socket.recv(MAX_HEAD_BYTES))
    connection.discarded_bytes += count
    connection.client_closed = count == 0
    if connection.discarded_bytes > _MAX_DISCARDED_BYTES:
        raise ConnectionAbortedError("the client keeps sending after its request")


def is_acknowledged(client: socket.socket) -> bool:
    """Return whether the client has acknowledged all data (tcp(7), SIOCOUTQ).

    This node's kernel then keeps nothing of the response.
    """
    (unacknowledged,) = struct.unpack("i", fcntl.ioctl(client, termios.TIOCOUTQ, bytes(4)))
    return bool(unacknowledged == 0)
