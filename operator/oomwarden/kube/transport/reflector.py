"""Keeps an event handler in sync with a resource, like the reflector of client-go."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from http import HTTPStatus
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct
from msgspec.structs import replace

from oomwarden.core.log_line.keys import UNREADABLE, about
from oomwarden.core.objects.unreadable import describe_error
from oomwarden.kube.http.failures import ReadTimeoutError
from oomwarden.kube.transport.bodies import UnreadableResponseError, resource_version
from oomwarden.kube.transport.client import Listing, ListOptions, WatchEvents
from oomwarden.kube.transport.errors import (
    API_ERRORS,
    ApiError,
    WriteResult,
    classify_error,
    error_from_status,
    error_keys,
)
from oomwarden.kube.transport.guarded_handler import EventHandler, GuardedHandler, guard

__all__ = ["EventHandler", "ListerWatcher", "list_and_watch"]

MIN_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 0.5, 30.0
WATCH_SECONDS = 300, 600
"""Range of the duration of a watch. It is random, so that agents do not reconnect together."""
MAX_SERVER_BACKOFF_SECONDS = 60.0
"""Limit on the back-off that a Retry-After of the API server, or of a proxy, can request."""
MAX_UNREADABLE = 2
"""Consecutive unreadable responses after which the reflector lists again. The watch would only
return the same event."""
_TOO_LARGE = "Too large resource version"
_LOG = logging.getLogger(__name__)


class ListerWatcher(Protocol):
    """Lists and watches a resource, as the client does."""

    async def list_objects(self, what: ListOptions, version: str | None = "0") -> Listing:
        """List objects, at least as new as `version`."""

    def watch_objects(self, what: ListOptions, version: str, seconds: int) -> WatchEvents:
        """Watch objects from a resourceVersion."""


@runtime_checkable
class StreamingListerWatcher(Protocol):
    """A ListerWatcher that can list and watch with one request."""

    async def stream_objects(self, what: ListOptions, version: str, seconds: int) -> Listing | None:
        """List objects, at least as new as `version`, and watch them; None if it is impossible."""


async def list_and_watch(
    source: ListerWatcher,
    what: ListOptions,
    handler: EventHandler,
    progress: Callable[[], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Keep an event handler up to date until cancelled.

    Args:
        source: Lists and watches.
        what: Which objects.
        handler: Handles them. Objects for which it raises are passed over.
        progress: Called whenever the API server responds: list, open watch, event or bookmark.
        sleep: Waits between attempts.
    """
    reflector = _Reflector(source, what, guard(handler, what.resource), progress)
    while True:
        try:
            await reflector.once()
            pause = _jittered(MIN_BACKOFF_SECONDS)
        except Exception as error:  # noqa: BLE001 - an object may cause any error
            pause = reflector.back_off(error)
        await sleep(pause)


class _Reflector(Struct):
    """The state of the list and the watch of one resource.

    Attributes:
        source: Lists and watches.
        what: Which objects.
        handler: Handles them.
        progress: Called whenever the API server responds.
        version: The last resourceVersion; None to list first.
        list_from: The minimum resourceVersion of a list; None to read from etcd.
        backoff: Seconds to wait after the next error.
        reason: The last logged error; empty while there is none.
        unreadable: Number of consecutive unreadable responses.
        stream_failed: Whether the last list was a streamed one, and failed.
    """

    source: ListerWatcher
    what: ListOptions
    handler: GuardedHandler
    progress: Callable[[], None]
    version: str | None = None
    list_from: str | None = "0"
    backoff: float = MIN_BACKOFF_SECONDS
    reason: str = ""
    unreadable: int = 0
    stream_failed: bool = False

    async def once(self) -> None:
        """List if necessary, then watch until the API server ends it or a time-out passes."""
        seconds = random.randint(*WATCH_SECONDS)  # noqa: S311 - jitter
        changes = await self._list(seconds) if self.version is None else None
        if changes is None:
            changes = self.source.watch_objects(self.what, self.version or "0", seconds)
        try:
            await self._follow(changes)
        except ReadTimeoutError:
            return  # silence is no error; if the connection is broken, the next request shows it

    async def _list(self, seconds: int) -> WatchEvents | None:
        """List the objects. Return the watch that continues the list, if it comes with it."""
        listing = await self._streamed(seconds)
        if listing is None:
            listing = await self.source.list_objects(self.what, self.list_from)
        self.version = self.list_from = listing.version
        self.handler.replace(listing.objects, listing.unread)
        self._record_success()
        return listing.changes

    async def _streamed(self, seconds: int) -> Listing | None:
        """List by a watch, unless that has just failed, for whatever reason."""
        failed, self.stream_failed = self.stream_failed, False
        if not isinstance(self.source, StreamingListerWatcher) or failed or self.list_from is None:
            return None
        self.stream_failed = True
        listing = await self.source.stream_objects(self.what, self.list_from, seconds)
        self.stream_failed = False
        return listing

    async def _follow(self, changes: WatchEvents) -> None:
        async with aclosing(changes) as events:
            async for kind, manifest in events:
                if kind == "OPEN":
                    self.progress()
                else:
                    self._handle(kind, manifest)

    def _handle(self, kind: str, manifest: dict[str, Any]) -> None:
        if kind == "ERROR":
            raise error_from_status(manifest)
        version = resource_version(manifest)
        if kind == "DELETED":
            self.handler.delete(manifest)
        elif kind in {"ADDED", "MODIFIED"}:
            self.handler.apply(manifest)
        self.version = self.list_from = version
        self._record_success()

    def _record_success(self) -> None:
        if self.reason:
            _LOG.info("the watch of %s has resumed", self._name, extra=about(kind=self._kind))
        self.backoff, self.reason, self.unreadable = MIN_BACKOFF_SECONDS, "", 0
        self.progress()

    def back_off(self, error: Exception) -> float:
        """Record an error, log it once, and return the seconds to wait before the next attempt."""
        self.unreadable += _is_unreadable(error)
        if _lost_version(error):
            self._forget_version()
        elif self.unreadable >= MAX_UNREADABLE:
            self.version, self.unreadable = None, 0
        known = isinstance(error, API_ERRORS)
        failure = classify_error(error)
        if not known:
            failure = replace(failure, reason=describe_error(error), kind=UNREADABLE)
        self._log(failure)
        requested = min(failure.retry_after, MAX_SERVER_BACKOFF_SECONDS)
        pause = requested + _jittered(self.backoff)  # all clients were asked to wait the same time
        self.backoff = min(self.backoff * 2, MAX_BACKOFF_SECONDS)
        return pause

    def _forget_version(self) -> None:
        """List again: at least as new as before, or from etcd if that was refused too."""
        if self.version is None:
            self.list_from = None
        self.version = None

    def _log(self, failure: WriteResult) -> None:
        if failure.reason != self.reason:
            _LOG.warning(
                "the watch of %s is interrupted and will be retried: %s",
                self._name,
                failure.reason,
                extra=about(error_keys(failure), kind=self._kind),
            )
        self.reason = failure.reason

    @property
    def _kind(self) -> str:
        return self.what.resource.kind

    @property
    def _name(self) -> str:
        return self.what.resource.plural


def _lost_version(error: Exception) -> bool:
    """Return whether the API server cannot continue from the version.

    It is too old (410), or newer than what the API server has.
    """
    if not isinstance(error, ApiError):
        return False
    return error.status.code == HTTPStatus.GONE or _TOO_LARGE in error.status.message


def _is_unreadable(error: Exception) -> bool:
    """Return whether a response was received but could not be interpreted."""
    return isinstance(error, UnreadableResponseError) or not isinstance(error, API_ERRORS)


def _jittered(seconds: float) -> float:
    """Return up to twice the time, as likely as nothing: clients that failed together spread."""
    return seconds * random.uniform(0.0, 2.0)  # noqa: S311 - jitter
