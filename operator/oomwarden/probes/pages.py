"""What is served at a path, made once in a while however often it is asked for."""

import logging
import time
from collections.abc import Callable
from http import HTTPStatus

from oomwarden.probes.http_head import Answer, refusal

FRESH_SECONDS = 1.0
_LOG = logging.getLogger(__name__)

Page = Callable[[], Answer]


class Cached:
    """A page that is made at most once in `FRESH_SECONDS`; one that cannot be made is a 500."""

    def __init__(self, make: Page, clock: Callable[[], float] = time.monotonic) -> None:
        self._make = make
        self._clock = clock
        self._made: tuple[float, Answer] | None = None

    def __call__(self) -> Answer:
        """Give the page, or make it."""
        now = self._clock()
        if self._made is None or now - self._made[0] >= FRESH_SECONDS:
            self._made = now, self._try()
        return self._made[1]

    def _try(self) -> Answer:
        try:
            return self._make()
        except Exception:  # noqa: BLE001 - a fault of one page must not end the others
            _LOG.exception("a page could not be made")
            return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "an error, which the log has")
