"""A kernel without memory to watch another connection (epoll_ctl(2): ENOMEM, ENOSPC)."""

import errno
import os
import socket
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from oomwarden.probes.http_head import HttpResponse
from oomwarden.probes.server import ProbeServer

from tests.support.clients import HEALTHZ, read_all


@pytest.fixture
def server() -> Iterator[ProbeServer]:
    serving = ProbeServer(0, {"/healthz": lambda: HttpResponse(HTTPStatus.OK, b"well\n")})
    yield serving
    serving.close()


class Refusing:
    """A selector that refuses the next call of one kind."""

    def __init__(self, real: Any, what: str) -> None:  # noqa: ANN401 - a selector's method
        self.call = getattr(real, what)
        self.left = 1

    def __call__(self, *arguments: object) -> object:
        if self.left:
            self.left -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.call(*arguments)


def connect(server: ProbeServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), 10)


def wait(server: ProbeServer) -> None:
    with connect(server) as client:
        client.recv(1)


def test_a_connection_that_cannot_be_watched_is_reset_and_the_next_one_is_served(
    server: ProbeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server._selector, "register", Refusing(server._selector, "register"))
    with pytest.raises(ConnectionResetError):
        wait(server)
    with connect(server) as second:
        second.sendall(HEALTHZ)
        assert read_all(second).endswith(b"well\n")
