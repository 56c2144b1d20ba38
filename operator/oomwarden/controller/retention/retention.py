"""Delete OOMKills that exceed their bounds, and publish how many there are.

Between two rounds all records are counted, which costs one small request; if many more appear, the
next round starts early. A round reads a page of records -> counts and filters them -> deletes
concurrently -> reads the next page. Two operators at the same time do no harm: they find the same
records, and a record is deleted by its UID.
"""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from oomwarden.controller.retention.deletions import DeleteCalls, Deletions
from oomwarden.controller.retention.publishing import PressurePublisher
from oomwarden.core.log_line.keys import about
from oomwarden.core.quota.record_counts import RecordCount, RecordCounts, exempt
from oomwarden.core.quota.retention import Bounds, RetentionFilter
from oomwarden.kube.oomkill_pages import ListExpiredError, RecordPage
from oomwarden.kube.transport.errors import API_ERRORS, WriteResult, classify_error, error_keys

FIRST_SECONDS = 5.0
REST_SECONDS = 10.0
"""Between the first count and the first round, which reads every record: until then, a new operator
reads what it needs to work."""
COUNT_SECONDS = 10.0
ROUND_SECONDS = 600.0
LEAST_SECONDS = 60.0
"""Shortest time between two rounds, however fast the number of records grows."""
RETRY_SECONDS = 60.0
"""After a round that the API server interrupted."""
LISTS = 5
"""Lists of one round: a list starts again when its continue token has expired."""
PAGES_BETWEEN_COUNTS = 100
"""A long round counts and publishes after this many pages."""
_MANY = 250
_LOG = logging.getLogger(__name__)


class RetentionCalls(DeleteCalls, Protocol):
    """Required API calls; each may raise one of kube.transport.errors.API_ERRORS."""

    async def page(self, token: str) -> RecordPage:
        """Read a page of all records.

        Raises:
            ListExpiredError: The continue token has expired.
        """

    async def count(self) -> int:
        """Count all records."""


@dataclass(slots=True)
class _LastRound:
    """The result of the last round.

    Attributes:
        total: The records that are left, and how many of them are young.
        share: How many records each namespace may keep of the cluster's bound; None: all.
    """

    total: RecordCount
    share: int | None


@dataclass(slots=True, eq=False)
class Retention:
    """Keeps the stored OOMKills within their bounds.

    Attributes:
        bounds: Which OOMKills are kept.
        calls: The API calls.
        publisher: Gets each count, and publishes it.
        sleep: Replaced in tests.
        deleted: Counts the deleted records by the bound that they exceeded.
        retained: How many records there were at the last count; None before it.
        progress: Time of the last count (`time.monotonic`).
    """

    bounds: Bounds
    calls: RetentionCalls
    publisher: PressurePublisher
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    deleted: Counter[str] = field(default_factory=Counter)
    retained: int | None = None
    progress: float = 0.0
    _last: _LastRound | None = None
    _refused_namespaces: set[str] = field(default_factory=set)
    _interrupted: str = ""

    async def run(self) -> None:
        """Delete until cancelled, whatever the API server answers."""
        _LOG.info("retention: OOMKills are kept: %s", self.bounds)
        await self.sleep(_jittered(FIRST_SECONDS))
        await self._count()
        await self.publisher.publish()  # the first round may take long
        await self.sleep(_jittered(REST_SECONDS))
        while True:
            before = self._share
            ended = await self.run_round()
            await self.publisher.publish()
            share_changed = self._share is not None and self._share != before
            await self._wait(ROUND_SECONDS if ended and not share_changed else RETRY_SECONDS)

    async def run_round(self) -> bool:
        """Check all records once; return False if the API server interrupted it."""
        deletions = Deletions(self.calls, self.sleep, by_bound=self.deleted)
        try:
            await self._check_all(deletions)
        except API_ERRORS as error:
            self._log_interruption(classify_error(error))
            return False
        finally:
            if deletions.deleted:
                _LOG.info(
                    "retention: %d OOMKills were deleted",
                    deletions.deleted,
                    extra=about(kind="OOMKill", count=deletions.deleted, reason="Deleted"),
                )
        self._interrupted = ""
        self._log_refusals(deletions)
        return True

    @property
    def _share(self) -> int | None:
        """How many records a namespace may keep of the cluster's bound, by the last round."""
        return self._last.share if self._last else None

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
        """Count all records; return how many more there are than after the last round."""
        self.progress = time.monotonic()
        try:
            total = await self.calls.count()
        except API_ERRORS as error:
            self._log_interruption(classify_error(error))
            return 0
        self.retained = total
        if self._last is None:
            self.publisher.record_total(RecordCount(total))
            return 0
        more = max(total - self._last.total.all, 0)
        self.publisher.record_total(RecordCount(total, self._last.total.young + more))
        return more

    def _many(self) -> int:
        """Return the number of new records above which the next round starts early."""
        bounds = (self.bounds.per_namespace // 4, self.bounds.per_cluster // 50)
        return max(min((bound for bound in bounds if bound), default=0), _MANY)

    async def _check_all(self, deletions: Deletions) -> None:
        for _ in range(LISTS):
            try:
                await self._check_list(deletions)
            except ListExpiredError:
                continue  # records that are deleted or refused by now cost no time again
            return

    async def _check_list(self, deletions: Deletions) -> None:
        """List all records once, and delete those that exceed the bounds."""
        page, before = await self.calls.page(""), deletions.deleted
        young = exempt(self.bounds, self._last.total.all if self._last else 0)
        counts = RecordCounts(page.now)
        excess = RetentionFilter(self.bounds, page.now, self._share, young)
        for number in count(1):
            for record in page.records:
                counts.add(record)
            await deletions.delete([each for one in page.records for each in excess.add(one)])
            if not page.token:
                break
            if number % PAGES_BETWEEN_COUNTS == 0:
                await self._count()
                await self.publisher.publish()
            page = await self.calls.page(page.token)
        await deletions.delete(excess.finish())
        self.publisher.record_counts(counts)
        total = counts.total
        left = RecordCount(max(total.all - (deletions.deleted - before), 0), total.young)
        self.retained = left.all
        self._last = _LastRound(left, counts.namespace_share(self.bounds))

    def _log_interruption(self, failure: WriteResult) -> None:
        if failure.reason != self._interrupted:
            _LOG.warning(
                "retention is interrupted, retrying: %s",
                failure.reason,
                extra=about(error_keys(failure), kind="OOMKill"),
            )
        self._interrupted = failure.reason

    def _log_refusals(self, deletions: Deletions) -> None:
        """Log once for each namespace that its records cannot be deleted."""
        for namespace in deletions.reasons.keys() - self._refused_namespaces:
            _LOG.warning(
                "OOMKills of namespace %s were not deleted, retrying in each round: %s",
                namespace,
                deletions.reasons[namespace],
                extra=about(
                    kind="OOMKill", namespace=namespace, error=deletions.reasons[namespace]
                ),
            )
        self._refused_namespaces = set(deletions.reasons)


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
