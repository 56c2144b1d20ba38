"""/healthz: whether the loops of a process make progress; /readyz: what it still waits for."""

import json
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus

from msgspec import Struct

from oomwarden.probes.http_head import PLAIN, HttpResponse, error_response

JSON = "application/json"


class Loop(Struct, frozen=True):
    """A loop of the process.

    Attributes:
        name: Name in the body of /healthz.
        age: Returns the seconds since the last progress, None before the first.
        limit: Age in seconds above which the loop is late. Set only for loops that a restart can
            fix: an outage of the API server must not restart all agents of a cluster.
    """

    name: str
    age: Callable[[], float | None]
    limit: float | None = None

    def is_late(self) -> bool:
        """Return whether the last progress is older than the limit."""
        age = self.age()
        return self.limit is not None and age is not None and age > self.limit


def healthz(loops: Sequence[Loop]) -> HttpResponse:
    """Return 200, or 503 if a loop is late. The body has the age of every loop."""
    ages = {loop.name: loop.age() for loop in loops}
    late = [loop.name for loop in loops if loop.is_late()]
    body = {"late": late, "ageSeconds": {name: age and round(age, 3) for name, age in ages.items()}}
    status = HTTPStatus.SERVICE_UNAVAILABLE if late else HTTPStatus.OK
    return HttpResponse(status, json.dumps(body).encode() + b"\n", JSON)


def readyz(waits_for: str) -> HttpResponse:
    """Return 200, or 503 with what the process waits for."""
    if waits_for:
        return error_response(HTTPStatus.SERVICE_UNAVAILABLE, waits_for)
    return HttpResponse(HTTPStatus.OK, b"it works\n", PLAIN)


def age_since(progress: Callable[[], float]) -> Callable[[], float | None]:
    """Return a function that computes the age of a monotonic time (0: no progress yet)."""

    def age() -> float | None:
        at = progress()
        return time.monotonic() - at if at else None

    return age
