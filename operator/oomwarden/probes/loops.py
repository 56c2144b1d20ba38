"""Whether a process's loops make progress: what /healthz says."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from oomwarden.probes.http_head import Answer

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop and the age of its last progress in seconds.

    `limit` in seconds is set for loops that a restart can cure: an API outage must not restart the
    agents of a whole fleet.
    """

    name: str
    age: Callable[[], float | None]
    limit: float | None = None

    def late(self) -> bool:
        """Whether the loop should have made progress by now."""
        age = self.age()
        return self.limit is not None and age is not None and age > self.limit


def healthz(loops: Sequence[Loop]) -> Answer:
    """Answer 200, or 503 when a loop with a limit is late; the body names every age."""
    ages = {loop.name: loop.age() for loop in loops}
    late = [loop.name for loop in loops if loop.late()]
    said = {"late": late, "ageSeconds": {name: age and round(age, 3) for name, age in ages.items()}}
    status = HTTPStatus.SERVICE_UNAVAILABLE if late else HTTPStatus.OK
    return Answer(status, json.dumps(said).encode() + b"\n", JSON)


def age_of(progress: Callable[[], float]) -> Callable[[], float | None]:
    """Turn a monotonic time of last progress (0: none yet) into an age."""

    def age() -> float | None:
        at = progress()
        return time.monotonic() - at if at else None

    return age
