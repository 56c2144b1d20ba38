"""Deletes the OOMKills that have to go, and says how full it is; one loop, no kopf.

Between two rounds all records are counted, which costs one small request; when they become many
more, the next round begins at once. The steps of a round, in order: read a part of all records ->
count and sift -> delete, side by side -> read the next part. Two operators at once do no harm:
they find the same records, and a record is deleted by its uid.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from oomwarden.controller.retention.deletions import Deletable, Deletions
from oomwarden.controller.retention.publishing import Publisher
from oomwarden.core.quota.census import Census, Count, exempt
from oomwarden.core.quota.retention import Bounds, RetentionFilter
from oomwarden.kube.oomkill_pages import ListExpiredError, RecordPage
from oomwarden.kube.transport.errors import API_ERRORS, failure

FIRST_SECONDS = 5.0
COUNT_SECONDS = 10.0
ROUND_SECONDS = 600.0
LEAST_SECONDS = 60.0
"""Between two rounds, however fast records become more."""
RETRY_SECONDS = 60.0
"""After a round that the API server did not let end."""
LISTS = 5
"""How often a round may begin anew, as the API server forgot the list and offered no other."""
PARTS = 100
"""After so many parts of a list it is counted again, and published: a round may take long."""
_MANY = 250
_LOG = logging.getLogger(__name__)


class Stored(Deletable, Protocol):
    """The calls that are needed; each may raise one of kube.errors.API_ERRORS."""

    async def page(self, token: str) -> RecordPage:
        """Read a part of all records; raises ListExpiredError."""

    async def count(self) -> int:
        """Count all records."""


@dataclass(slots=True)
class _Seen:
    """What the last round left: how many there are, how many of them are young, and the share."""

    total: Count
    share: int | None


@dataclass(slots=True, eq=False)
class Retention:
    """Keeps what is stored within bounds."""

    bounds: Bounds
    stored: Stored
    publisher: Publisher
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _seen: _Seen | None = None
    _told: set[str] = field(default_factory=set)
    _interrupted: str = ""

    async def run(self) -> None:
        """Delete for ever, whatever the API server answers."""
        _LOG.info("retention: OOMKills are kept: %s", self.bounds)
        await self.sleep(_jittered(FIRST_SECONDS))
        await self._count()
        await self.publisher.publish()  # the first round may take long
        while True:
            before = self._share
            ended = await self.round()
            await self.publisher.publish()
            again = self._share is not None and self._share != before
            await self._wait(ROUND_SECONDS if ended and not again else RETRY_SECONDS)

    async def round(self) -> bool:
        """Look at all records once; False: the API server did not let it end."""
        done = Deletions(self.stored, self.sleep)
        try:
            await self._walk(done)
        except API_ERRORS as error:
            self._tell_interrupted(failure(error).reason)
            return False
        finally:
            if done.deleted:
                _LOG.info("retention: %d OOMKills were deleted", done.deleted)
        self._interrupted = ""
        self._tell_refused(done)
        return True

    @property
    def _share(self) -> int | None:
        """Give what the last round found that a namespace may have of the bound on all."""
        return self._seen.share if self._seen else None

    async def _wait(self, seconds: float) -> None:
        """Wait for the next round, and count meanwhile."""
        waited, least = 0.0, min(_jittered(LEAST_SECONDS), seconds)
        while waited < seconds:
            pause = min(_jittered(COUNT_SECONDS), seconds - waited)
            await self.sleep(pause)
            waited += pause
            more = await self._count()
            await self.publisher.publish()
            if waited >= least and more > self._many():
                return

    async def _count(self) -> int:
        """Count all records; gives how many more there are than after the last round."""
        try:
            total = await self.stored.count()
        except API_ERRORS as error:
            self._tell_interrupted(failure(error).reason)
            return 0
        if self._seen is None:
            self.publisher.counted(Count(total))
            return 0
        more = max(total - self._seen.total.all, 0)
        self.publisher.counted(Count(total, self._seen.total.young + more))
        return more

    def _many(self) -> int:
        """Give how many new records ask for a round."""
        bounds = (self.bounds.per_namespace // 4, self.bounds.per_cluster // 50)
        return max(min((bound for bound in bounds if bound), default=0), _MANY)

    async def _walk(self, done: Deletions) -> None:
        for _ in range(LISTS):
            try:
                await self._walk_once(done)
            except ListExpiredError:
                continue  # what is deleted or refused by now costs no time again
            return

    async def _walk_once(self, done: Deletions) -> None:
        page, before = await self.stored.page(""), done.deleted
        young = exempt(self.bounds, self._seen.total.all if self._seen else 0)
        census, sieve = Census(page.now), RetentionFilter(self.bounds, page.now, self._share, young)
        for number in count(1):
            for record in page.records:
                census.add(record)
            await done.delete([gone for one in page.records for gone in sieve.take(one)])
            if not page.token:
                break
            if number % PARTS == 0:
                await self._count()
                await self.publisher.publish()
            page = await self.stored.page(page.token)
        await done.delete(sieve.end())
        self.publisher.looked(census)
        total = census.total
        left = Count(max(total.all - (done.deleted - before), 0), total.young)
        self._seen = _Seen(left, census.share(self.bounds))

    def _tell_interrupted(self, reason: str) -> None:
        if reason != self._interrupted:
            _LOG.warning("retention is interrupted, tried again: %s", reason)
        self._interrupted = reason

    def _tell_refused(self, done: Deletions) -> None:
        """Say once of each namespace that its records cannot be deleted."""
        for namespace in done.reasons.keys() - self._told:
            _LOG.warning(
                "OOMKills of namespace %s were not deleted, tried again in each round: %s",
                namespace,
                done.reasons[namespace],
            )
        self._told = set(done.reasons)


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
