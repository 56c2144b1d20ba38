"""Write the status of policies when the reports of nodes change it."""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from oomwarden.api.oomnode import Refusal
from oomwarden.api.policy import PolicyStatus
from oomwarden.controller.policies.node_reports import NodeReports
from oomwarden.controller.policies.oompolicy_cache import OOMPolicyCache, PolicyState
from oomwarden.controller.policies.policy_queue import PolicyQueue
from oomwarden.core.fleet.policy_status import OperatorFindings, summarise
from oomwarden.core.fleet.write_pace import PER_SECOND, WritePace
from oomwarden.core.log_line.keys import UNREADABLE, about, policy_keys
from oomwarden.core.metrics.families.operator import WorkQueue
from oomwarden.core.metrics.operator_counts import OperatorCounts
from oomwarden.core.objects.unreadable import UnreadableObjects, describe_error
from oomwarden.core.policy.policy import PolicyKey
from oomwarden.kube.transport.errors import (
    API_ERRORS,
    WriteOutcome,
    WriteResult,
    classify_error,
    error_keys,
)

DEBOUNCE_SECONDS = 0.5
RESYNC_SECONDS = 60.0
RETRY_SECONDS = 5.0
CONCURRENT_WRITES = 4
"""So that a slow answer of the API server delays no other policy."""
_WRITTEN = WriteResult(WriteOutcome.DONE, "")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StatusSources:
    """What a policy's status is computed from.

    Attributes:
        reports: What the nodes report.
        namespaced: The OOMPolicies.
        cluster: The ClusterOOMPolicies: kopf's index.
        refusals: Returns the refusals that the operator itself got for a policy.
    """

    reports: NodeReports
    namespaced: OOMPolicyCache
    cluster: Mapping[PolicyKey, Collection[PolicyState]]
    refusals: Callable[[PolicyKey], Sequence[Refusal]]

    def states(self, key: PolicyKey) -> tuple[PolicyState, ...]:
        """Return what is known about a policy; a copy, because kopf changes its index meanwhile."""
        state = self.namespaced.policies.get(key)
        return tuple(self.cluster.get(key, ())) if state is None else (state,)

    def all_keys(self) -> list[PolicyKey]:
        """Return all known policies."""
        return [*self.cluster, *self.namespaced.policies]


@dataclass(slots=True, eq=False)
class PolicyStatusWriter:
    """Computes the status of queued policies, and writes changes at a bounded rate.

    Attributes:
        write: Writes a status; may raise one of kube.transport.errors.API_ERRORS.
        queue: The policies whose status has to be computed.
        sources: What the status is computed from.
        unreadable: Records policies whose status cannot be computed.
        now: Returns the current time.
        counts: Counts how long each policy takes.
    """

    write: Callable[[PolicyKey, PolicyStatus], Awaitable[None]]
    queue: PolicyQueue
    sources: StatusSources
    unreadable: UnreadableObjects
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    counts: OperatorCounts = field(default_factory=partial(OperatorCounts, time.monotonic))
    _batch: deque[PolicyKey] = field(default_factory=deque)
    _failures: dict[PolicyKey, str] = field(default_factory=dict)
    _pace: WritePace = field(default_factory=WritePace)

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._write_all(), name="statuses")
            loops.create_task(self._resync_all(), name="resync")

    async def _write_all(self) -> None:
        while True:
            await self.queue.wait()
            await asyncio.sleep(DEBOUNCE_SECONDS)
            if not self.sources.reports.synced:  # a status would say that no node reports
                continue
            self._batch.extend(self.queue.drain())
            async with asyncio.TaskGroup() as workers:
                for _ in range(CONCURRENT_WRITES):
                    workers.create_task(self._work_through_batch())

    async def _work_through_batch(self) -> None:
        while self._batch:
            pause = await self._work_on(self._batch.popleft())
            await asyncio.sleep(pause)

    async def _work_on(self, key: PolicyKey) -> float:
        """Sync a policy whose turn it is; return the seconds to wait before the next one."""
        if wait := self._pace.seconds_until_due(key, self._clock()):
            self.queue.add_after(key, wait)
            return 0.0
        began = self._clock()
        match await self._sync_safely(key):
            case WriteResult(outcome=WriteOutcome.DONE):
                self._failures.pop(key, None)
                self._pace.record_write(key, self._clock())
                return max(began + CONCURRENT_WRITES / PER_SECOND - self._clock(), 0.0)
            case WriteResult() as failure:
                self._log_failure(key, failure)
                self.queue.add_after(key, RETRY_SECONDS)
                return self._pause_after(key, failure)
        self._failures.pop(key, None)
        return 0.0

    def _pause_after(self, key: PolicyKey, failure: WriteResult) -> float:
        """Return how long nothing is written after a failure, and let the other policies wait."""
        if not failure.server_wide:
            return 0.0
        pause = self._pace.record_failure(key, failure.retry_after)
        if pause:
            self.queue.add(self._batch)
            self._batch.clear()
        return pause * random.uniform(1.0, 1.5)  # noqa: S311 - jitter

    @staticmethod
    def _clock() -> float:
        return asyncio.get_running_loop().time()

    def waiting(self) -> int:
        """Return how many policies wait."""
        return len(self.queue) + len(self._batch)

    async def _resync_all(self) -> None:
        """Queue all policies regularly: no event shows that an agent no longer reports."""
        while True:
            await asyncio.sleep(RESYNC_SECONDS)
            self.queue.add(self.sources.all_keys())

    async def _sync_safely(self, key: PolicyKey) -> WriteResult | None:
        """Sync one policy; one that cannot be synced does not delay the others."""
        policy = {"metadata": {"name": key.name, "namespace": key.namespace}}
        try:
            with self.counts.timed(WorkQueue.POLICIES):
                done = await self._sync(key)
        except Exception as error:  # noqa: BLE001 - a malformed object may raise anything
            why = f"its status could not be computed: {describe_error(error)}"
            self.unreadable.add(key.kind, policy, why)
            _LOG.error(
                "%s: %s", key, why, extra=about(policy_keys(key), reason=UNREADABLE, error=why)
            )
            return None  # the next report or resync retries it
        self.unreadable.discard(key.kind, policy)
        return done

    async def _sync(self, key: PolicyKey) -> WriteResult | None:
        """Write a policy's status if it has changed; return what became of the write."""
        done = None
        for policy in self.sources.states(key):
            status = self._status(key, policy)
            if status == policy.status:
                continue
            try:
                await self.write(key, status)
            except API_ERRORS as error:
                return classify_error(error)
            done = _WRITTEN
            ready = status.conditions[0]
            _LOG.info(
                "%s: %s", key, ready.message, extra=about(policy_keys(key), reason=ready.reason)
            )
        return done

    def _status(self, key: PolicyKey, policy: PolicyState) -> PolicyStatus:
        found = self.sources.reports.for_policy(key)
        answers = OperatorFindings(self.sources.refusals(key), policy.caution)
        return summarise(policy.generation, found, policy.status, self.now(), answers)

    def _log_failure(self, key: PolicyKey, failure: WriteResult) -> None:
        if self._failures.get(key) != failure.reason:
            _LOG.warning(
                "status of %s was not written, retrying: %s",
                key,
                failure.reason,
                extra=about(policy_keys(key), error_keys(failure)),
            )
        self._failures[key] = failure.reason
