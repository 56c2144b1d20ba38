"""One client's request and answer, as far as they go without waiting."""

import fcntl
import socket
import struct
import termios
from collections.abc import Callable

from oomwarden.probes.connections import Connection
from oomwarden.probes.http_head import LONGEST_HEAD, Answer, Request, read_head

_MOST_THROWN_AWAY = 65536
"""Bytes after a request for which a client still gets its answer."""

AnswerTo = Callable[[Request | Answer], bytes]


def go_on(connection: Connection, answer: AnswerTo) -> None:
    """Read, send, or throw away what comes after the request.

    Raises:
        BlockingIOError: the client has to do something first.
        OSError: the connection is over.
    """
    if connection.rest is None:
        _read(connection, answer)
    elif connection.rest:
        _send(connection, connection.rest)
    else:
        _throw_away(connection)


def _read(connection: Connection, answer: AnswerTo) -> None:
    came = connection.socket.recv(LONGEST_HEAD)
    if not came:
        raise ConnectionAbortedError("it ended before it had asked")
    connection.received += came
    asked = read_head(bytes(connection.received))
    if asked is not None:
        _send(connection, memoryview(answer(asked)))


def _send(connection: Connection, rest: memoryview) -> None:
    connection.rest = rest
    connection.rest = rest[connection.socket.send(rest) :]
    if not connection.rest:
        connection.socket.shutdown(socket.SHUT_WR)


def _throw_away(connection: Connection) -> None:
    """Read to the end: to close before would reset the connection (RFC 9112, 9.6)."""
    came = len(connection.socket.recv(LONGEST_HEAD))
    connection.thrown_away += came
    connection.ended = came == 0
    if connection.thrown_away > _MOST_THROWN_AWAY:
        raise ConnectionAbortedError("it goes on sending after its request")


def is_acknowledged(client: socket.socket) -> bool:
    """Whether the client's kernel has taken all, so that ours keeps nothing (tcp(7), SIOCOUTQ)."""
    (left,) = struct.unpack("i", fcntl.ioctl(client, termios.TIOCOUTQ, bytes(4)))
    return bool(left == 0)
