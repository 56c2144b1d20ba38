"""Requests of the benchmark to the API server, many at once."""

import json
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException, HTTPSConnection
from typing import Any, NamedTuple

from bench.scale.control_plane import ControlPlane

MERGE, JSON = "application/merge-patch+json", "application/json"
CONNECTIONS = 16
_TRIES = 8
_REFUSED, _TOO_MANY, _FAILED = 400, 429, 500


class Call(NamedTuple):
    """One request.

    Attributes:
        method: The HTTP method.
        path: The path with its query.
        body: An object, or its JSON.
        kind: The body's media type.
    """

    method: str
    path: str
    body: Any = None
    kind: str = JSON


class RefusedError(Exception):
    """The API server refused a request of the benchmark."""


class Api:
    """Sends requests through kept connections, one for each thread.

    Args:
        plane: The control plane.
    """

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._own = threading.local()
        self._pool = ThreadPoolExecutor(CONNECTIONS)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)

    def send(self, call: Call) -> dict[str, Any]:
        """Send a request, again if the API server is busy, and return the object.

        Raises:
            RefusedError: The API server refused it.
        """
        body = call.body if isinstance(call.body, bytes | None) else json.dumps(call.body).encode()
        headers = {"Authorization": f"Bearer {self._plane.token}", "Content-Type": call.kind}
        for attempt in range(_TRIES):
            status, text = self._exchange(call, body, headers)
            if status < _REFUSED:
                found: dict[str, Any] = json.loads(text)
                return found
            if status != _TOO_MANY and status < _FAILED:
                break
            time.sleep(0.1 * 2**attempt)
        raise RefusedError(f"{call.method} {call.path}: {status} {text[:500]!r}")

    def send_all(self, calls: Iterable[Call]) -> None:
        """Send requests, many at once, and wait for all of them."""
        for _ in self._pool.map(self.send, calls):
            pass

    def send_evenly(self, calls: Sequence[Call], seconds: float) -> float:
        """Send requests evenly distributed over a time; return the seconds that it took."""
        began, pause = time.monotonic(), seconds / len(calls)
        pending = []
        for number, call in enumerate(calls):
            time.sleep(max(began + number * pause - time.monotonic(), 0))
            pending.append(self._pool.submit(self.send, call))
        for each in pending:
            each.result()
        return time.monotonic() - began

    def _exchange(
        self, call: Call, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        for fresh in (False, True):
            connection = self._connection(fresh=fresh)
            try:
                connection.request(call.method, call.path, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except (OSError, HTTPException):  # the server closed an idle connection
                if fresh:
                    raise
        raise AssertionError("unreachable")

    def _connection(self, *, fresh: bool) -> HTTPSConnection:
        if fresh or not hasattr(self._own, "connection"):
            self._own.connection = self._plane.connect()
        found: HTTPSConnection = self._own.connection
        return found
