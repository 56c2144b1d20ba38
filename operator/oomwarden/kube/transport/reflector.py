"""Following a resource: list, watch, and begin again, for ever, whatever the API server answers."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import httpx2
from lightkube import ApiError
from lightkube.core.resource import api_info

from oomwarden.core.objects.passed_over import error_words
from oomwarden.kube.transport.answers import UnreadableAnswerError, version_of
from oomwarden.kube.transport.client import Listing, ListOptions
from oomwarden.kube.transport.errors import API_ERRORS, error_of, failure
from oomwarden.kube.transport.guarded_sink import EventHandler, GuardedHandler, guarded

__all__ = ["EventHandler", "ListerWatcher", "follow"]

FIRST_WAIT_SECONDS, LAST_WAIT_SECONDS = 0.5, 30.0
WATCH_SECONDS = 300, 600
"""How long the API server keeps a watch, chosen anew each time so that a fleet's do not meet."""
LONGEST_ASKED_SECONDS = 60.0
"""Longest wait that the API server, or who answers in its place, is granted by Retry-After."""
UNREADABLE_AT_MOST = 2
"""Answers that cannot be read, one after the other, after which a watch does not go on: it would
come by the same event again."""
_TOO_LARGE = "Too large resource version"
_LOG = logging.getLogger(__name__)


class ListerWatcher(Protocol):
    """Where a resource is listed and watched: the client, or what chooses from it."""

    async def listing(self, what: ListOptions, version: str | None = "0") -> Listing:
        """List, no older than a version."""

    def watching(
        self, what: ListOptions, version: str, seconds: int
    ) -> AsyncGenerator[tuple[str, dict[str, Any]]]:
        """Watch from a version on."""


async def follow(
    source: ListerWatcher,
    what: ListOptions,
    sink: EventHandler,
    progress: Callable[[], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Keep `sink` up to date; ends only by cancellation.

    An object that the sink cannot take is passed over, as kube/transport/guarded_sink.py does.
    `progress` is called whenever the API server was heard: list, watch opened, event, bookmark.
    """
    follower = _Follower(source, what, guarded(sink, what.resource), progress)
    while True:
        try:
            await follower.once()
            pause = _jittered(FIRST_WAIT_SECONDS)
        except Exception as error:  # noqa: BLE001 - also of a source that an object makes raise
            pause = follower.pause_after(error)
        await sleep(pause)


@dataclass(slots=True)
class _Follower:
    """Where one resource's watch stands. `version` None: nothing is known, so list first."""

    source: ListerWatcher
    what: ListOptions
    sink: GuardedHandler
    progress: Callable[[], None]
    version: str | None = None
    list_from: str | None = "0"
    wait: float = FIRST_WAIT_SECONDS
    told: str = ""
    unreadable: int = 0

    async def once(self) -> None:
        """List if need be, then watch until the API server or silence ends it."""
        if self.version is None:
            await self._list()
        try:
            await self._watch(self.version or "0")
        except httpx2.ReadTimeout:
            return  # silence is no error, and what stands behind it shows at the next request

    async def _list(self) -> None:
        listing = await self.source.listing(self.what, self.list_from)
        self.version = self.list_from = listing.version
        self.sink.replace(listing.objects, listing.unread)
        self._heard()

    async def _watch(self, version: str) -> None:
        seconds = random.randint(*WATCH_SECONDS)  # noqa: S311 - jitter
        async with aclosing(self.source.watching(self.what, version, seconds)) as events:
            async for kind, manifest in events:
                if kind == "OPEN":
                    self.progress()
                else:
                    self._take(kind, manifest)

    def _take(self, kind: str, manifest: dict[str, Any]) -> None:
        if kind == "ERROR":
            raise error_of(manifest)
        version = version_of(manifest)
        if kind == "DELETED":
            self.sink.delete(manifest)
        elif kind in {"ADDED", "MODIFIED"}:
            self.sink.apply(manifest)
        self.version = self.list_from = version
        self._heard()

    def _heard(self) -> None:
        if self.told:
            _LOG.info("following %s again", self._name)
        self.wait, self.told, self.unreadable = FIRST_WAIT_SECONDS, "", 0
        self.progress()

    def pause_after(self, error: Exception) -> float:
        """Take an error in, say it once, and give the seconds to wait before the next try."""
        self.unreadable += _is_unreadable(error)
        if _lost_version(error):
            self._forget_version()
        elif self.unreadable >= UNREADABLE_AT_MOST:
            self.version, self.unreadable = None, 0
        known = isinstance(error, API_ERRORS)
        self._tell(failure(error).reason if known else error_words(error))
        asked = min(failure(error).after, LONGEST_ASKED_SECONDS)
        pause = max(_jittered(self.wait), asked)
        self.wait = min(self.wait * 2, LAST_WAIT_SECONDS)
        return pause

    def _forget_version(self) -> None:
        """List again: no older than what was seen, and from etcd when even that is refused."""
        if self.version is None:
            self.list_from = None
        self.version = None

    def _tell(self, reason: str) -> None:
        if reason != self.told:
            _LOG.warning("following %s is interrupted, trying again: %s", self._name, reason)
        self.told = reason

    @property
    def _name(self) -> str:
        plural: str = api_info(self.what.resource).plural
        return plural


def _lost_version(error: Exception) -> bool:
    """Whether the API server cannot go on from our version: too old (410), or not reached yet."""
    if not isinstance(error, ApiError):
        return False
    return error.status.code == HTTPStatus.GONE or _TOO_LARGE in (error.status.message or "")


def _is_unreadable(error: Exception) -> bool:
    """Whether an answer came, and no sense can be made of it."""
    return isinstance(error, UnreadableAnswerError) or not isinstance(error, API_ERRORS)


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1.5)  # noqa: S311 - jitter
