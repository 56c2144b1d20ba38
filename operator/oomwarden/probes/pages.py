"""The pages, each generated at most once in a while, however often it is requested."""

import gzip
import logging
import time
from collections.abc import Callable
from http import HTTPStatus

from msgspec.structs import replace

from oomwarden.core.metrics.exposition import CONTENT_TYPE
from oomwarden.probes.http_head import HttpResponse, error_response

MAX_AGE_SECONDS = 1.0
_LEVEL = 1
"""The fastest: metrics become ten times smaller, and at the best level only a little more so."""
_VARY = "Vary: Accept-Encoding"
_LOG = logging.getLogger(__name__)

Page = Callable[[], HttpResponse]


class CachedPage:
    """A page that is generated at most once in `MAX_AGE_SECONDS`. An exception becomes a 500.

    Metrics are also compressed, at most as often. Other pages are too small to gain from that.
    """

    def __init__(self, generate: Page, clock: Callable[[], float] = time.monotonic) -> None:
        self._generate = generate
        self._clock = clock
        self._cached: tuple[float, HttpResponse] | None = None
        self._compressed: HttpResponse | None = None

    def __call__(self, *, compressed: bool = False) -> HttpResponse:
        """Return the cached page, or generate it."""
        now = self._clock()
        if self._cached is None or now - self._cached[0] >= MAX_AGE_SECONDS:
            self._cached, self._compressed = (now, self._try()), None
        page = self._cached[1]
        if not compressed or page.content_type != CONTENT_TYPE:
            return page
        if self._compressed is None:
            self._compressed = _compress(page)
        return self._compressed

    def _try(self) -> HttpResponse:
        try:
            page = self._generate()
        except Exception:  # noqa: BLE001 - an error of one page must not affect the others
            _LOG.exception("a page of the probe server could not be generated")
            reason = "internal error, see the log"
            return error_response(HTTPStatus.INTERNAL_SERVER_ERROR, reason)
        return replace(page, headers=(_VARY,)) if page.content_type == CONTENT_TYPE else page


def _compress(page: HttpResponse) -> HttpResponse:
    body = gzip.compress(page.body, _LEVEL, mtime=0)
    return replace(page, body=body, headers=("Content-Encoding: gzip", _VARY))
