"""The pages, each generated at most once in a while, however often it is requested."""

import logging
import time
from collections.abc import Callable
from http import HTTPStatus

from oomwarden.probes.http_head import HttpResponse, error_response

MAX_AGE_SECONDS = 1.0
_LOG = logging.getLogger(__name__)

Page = Callable[[], HttpResponse]


class CachedPage:
    """A page that is generated at most once in `MAX_AGE_SECONDS`. An exception becomes a 500."""

    def __init__(self, generate: Page, clock: Callable[[], float] = time.monotonic) -> None:
        self._generate = generate
        self._clock = clock
        self._cached: tuple[float, HttpResponse] | None = None

    def __call__(self) -> HttpResponse:
        """Return the cached page, or generate it."""
        now = self._clock()
        if self._cached is None or now - self._cached[0] >= MAX_AGE_SECONDS:
            self._cached = now, self._try()
        return self._cached[1]

    def _try(self) -> HttpResponse:
        try:
            return self._generate()
        except Exception:  # noqa: BLE001 - an error of one page must not affect the others
            _LOG.exception("a page of the probe server could not be generated")
            reason = "internal error, see the log"
            return error_response(HTTPStatus.INTERNAL_SERVER_ERROR, reason)
