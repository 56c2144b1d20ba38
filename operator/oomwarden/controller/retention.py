"""Deletes the OOMKills that have to go; one loop, no kopf.

The steps of a round, in order: read a part of all records -> sift -> delete, one by one, at a
bounded rate -> read the next part. Two operators at once do no harm: they find the same records,
and a record is deleted by its uid.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from oomwarden.core.retention import Bounds, Record, Sieve
from oomwarden.kube.errors import API_ERRORS, failure
from oomwarden.kube.records import ListExpiredError, Page, RefusedError

FIRST_SECONDS = 5.0
ROUND_SECONDS = 600.0
RETRY_SECONDS = 60.0
"""After a round that the API server did not let end."""
PER_SECOND = 20.0
"""Deletions: a backlog of 100,000 records takes an hour and a half."""
LISTS = 5
"""How often a round may begin anew, as deleting took longer than a list lives (5 minutes)."""
_LOG = logging.getLogger(__name__)


class Stored(Protocol):
    """The calls that are needed; both may raise one of kube.errors.API_ERRORS."""

    async def page(self, token: str) -> Page:
        """Read a part of all records; raises ListExpiredError."""

    async def delete(self, record: Record) -> bool:
        """Delete a record; False: it was gone; raises RefusedError."""


@dataclass(slots=True)
class Round:
    """What became of the records of one round; `refused` by uid, `reasons` by namespace."""

    deleted: int = 0
    refused: set[str] = field(default_factory=set)
    reasons: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Retention:
    """Keeps what is stored within bounds."""

    bounds: Bounds
    stored: Stored
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _told: set[str] = field(default_factory=set)
    _interrupted: str = ""

    async def run(self) -> None:
        """Delete for ever, whatever the API server answers."""
        _LOG.info("retention: OOMKills are kept: %s", self.bounds)
        await self.sleep(_jittered(FIRST_SECONDS))
        while True:
            ended = await self.round()
            await self.sleep(_jittered(ROUND_SECONDS if ended else RETRY_SECONDS))

    async def round(self) -> bool:
        """Look at all records once; False: the API server did not let it end."""
        done = Round()
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

    async def _walk(self, done: Round) -> None:
        for _ in range(LISTS):
            try:
                await self._walk_once(done)
            except ListExpiredError:
                continue  # what is deleted or refused by now costs no time again
            return

    async def _walk_once(self, done: Round) -> None:
        page = await self.stored.page("")
        sieve = Sieve(self.bounds, page.now)
        while True:
            for record in page.records:
                await self._delete(sieve.take(record), done)
            if not page.token:
                break
            page = await self.stored.page(page.token)
        await self._delete(sieve.end(), done)

    async def _delete(self, records: list[Record], done: Round) -> None:
        for record in records:
            if record.uid in done.refused:
                continue
            try:
                done.deleted += await self.stored.delete(record)
            except RefusedError as error:
                done.refused.add(record.uid)
                done.reasons.setdefault(record.namespace, str(error))
            await self.sleep(1 / PER_SECOND)

    def _tell_interrupted(self, reason: str) -> None:
        if reason != self._interrupted:
            _LOG.warning("retention is interrupted, tried again: %s", reason)
        self._interrupted = reason

    def _tell_refused(self, done: Round) -> None:
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
