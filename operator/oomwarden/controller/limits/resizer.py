"""Set the memory limits that agents request for policies; nodes take turns.

Each request goes through these steps: an OOMNode has it -> read pod, policies and mode again ->
authorize (core/limits/authorization) -> patch pods/resize -> keep a refusal for the policy's
status.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any

from oomwarden.api.oomnode import Refusal, Resize
from oomwarden.controller.limits.resize_log import log_request
from oomwarden.controller.limits.set_limits import ResizeCalls, set_limit
from oomwarden.core.limits.authorization import Denied, LimitWrite, ResizeContext, authorize
from oomwarden.core.limits.resize_patch import explain_refusal
from oomwarden.core.limits.resize_requests import RequestOutcome, ResizeRequestQueue
from oomwarden.core.log_line.keys import UNREADABLE
from oomwarden.core.metrics.families.operator import ResizeResult, WorkQueue
from oomwarden.core.metrics.operator_counts import OperatorCounts
from oomwarden.core.model.remark import Remark
from oomwarden.core.objects.unreadable import describe_error
from oomwarden.core.policy.policy import PolicyKey
from oomwarden.kube.pod_resizes import ResizeTarget
from oomwarden.kube.transport.errors import API_ERRORS, ApiError, classify_error, error_keys

PER_SECOND = 10.0
"""Patches: a policy for 3,000 pods takes five minutes, during which it can be stopped."""
CONCURRENT_NODES = 4
"""Nodes that are served at the same time, one request each: a slow answer delays no other node."""
PATCHED_SECONDS = 30.0
"""Longest time after a patch until the agent has seen it and drops its request."""
REFUSED_SECONDS = 60.0
MAX_REFUSED_SECONDS = 600.0
RETRY_SECONDS = 5.0
CONFLICT_SECONDS = 0.5

PolicyRefusal = tuple[PolicyKey, Refusal]
"""A refusal, and the policy whose status shows it."""


@dataclass(slots=True, eq=False)
class Resizer:
    """Works through the resize requests of all nodes.

    Attributes:
        calls: The API calls.
        refusals_changed: Called with the policies whose refusals have changed.
        sleep: Replaced in tests.
        clock: Returns the current time.
        counts: Counts what becomes of the requests.
    """

    calls: ResizeCalls
    refusals_changed: Callable[[Iterable[PolicyKey]], None]
    sleep: Callable[[float], Any] = asyncio.sleep
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    counts: OperatorCounts = field(default_factory=partial(OperatorCounts, time.monotonic))
    _requests: ResizeRequestQueue[PolicyKey] = field(default_factory=ResizeRequestQueue)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def update_requests(self, node: str, requests: Sequence[Resize]) -> None:
        """Replace a node's requests; those that are no longer among them are forgotten."""
        self._notify(self._requests.replace(node, requests, self._now()))
        self._wake.set()

    def refusals(self, key: PolicyKey) -> tuple[Refusal, ...]:
        """Return the refusals that a policy's status shows."""
        return self._requests.refusals(key)

    def waiting(self) -> int:
        """Return how many requests are due."""
        return self._requests.count_due(self._now())

    async def run(self) -> None:
        """Process requests until cancelled, whatever the API server answers."""
        slots = asyncio.Semaphore(CONCURRENT_NODES)
        async with asyncio.TaskGroup() as workers:
            while True:
                await slots.acquire()
                node, request = await self._next()
                workers.create_task(self._process(node, request, slots))
                await self.sleep(1 / PER_SECOND)

    async def _next(self) -> tuple[str, Resize]:
        """Wait until a request is due."""
        while True:
            self._wake.clear()
            if (due := self._requests.next(self._now())) is not None:
                return due
            soonest = self._requests.next_due()
            timeout = None if soonest == math.inf else max(soonest - self._now(), 0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._wake.wait()

    async def _process(self, node: str, request: Resize, slots: asyncio.Semaphore) -> None:
        try:
            await self._reconcile_safely(node, request)
        finally:
            self._requests.done(node, self._now())
            slots.release()
            self._wake.set()

    async def _reconcile_safely(self, node: str, request: Resize) -> None:
        """Reconcile; a pod or policy that cannot be read does not delay other requests."""
        try:
            with self.counts.timed(WorkQueue.RESIZES):
                await self._reconcile(node, request)
        except Exception as error:  # noqa: BLE001 - a malformed object may raise anything
            why = describe_error(error)
            log_request(
                request,
                f"was not resized, retrying later: {why}",
                reason=UNREADABLE,
                error=why,
                level=logging.ERROR,
            )
            self._count(ResizeResult.FAILED)
            self._requeue_refused(node, request, None)

    async def _reconcile(self, node: str, request: Resize) -> None:
        """Process a request once, and requeue it."""
        try:
            found = await self.calls.read_target(request.namespace, request.pod, request.container)
        except API_ERRORS as error:
            failure = classify_error(error)
            log_request(
                request,
                f"could not be read, retrying: {failure.reason}",
                error_keys(failure),
                level=logging.WARNING,
            )
            self._count(ResizeResult.FAILED)
            self._requeue(node, request, RETRY_SECONDS)
            return
        match authorize(request, node, found.context):
            case Denied(why):
                log_request(request, f"was not resized: {why}", reason="Denied", error=why)
                self._count(ResizeResult.DENIED)
                self._requeue(node, request, PATCHED_SECONDS)
            case LimitWrite() as write:
                await self._write(node, request, found, write)

    async def _write(
        self, node: str, request: Resize, found: ResizeTarget, write: LimitWrite
    ) -> None:
        try:
            await set_limit(self.calls, found, write, self.clock())
        except API_ERRORS as error:
            self._handle_error(node, request, (found.context, write), error)
            return
        why = f"for {request.policy}" if request.policy else "to restore it"
        log_request(
            request,
            f"got the memory limit {request.limit} {why}",
            reason="Resized",
            limitBytes=write.limit,
        )
        self._count(ResizeResult.SET if request.policy else ResizeResult.RESTORED)
        self._requeue(node, request, PATCHED_SECONDS)

    def _handle_error(
        self,
        node: str,
        request: Resize,
        tried: tuple[ResizeContext, LimitWrite],
        error: Exception,
    ) -> None:
        context, write = tried
        code = error.status.code if isinstance(error, ApiError) else None
        found = classify_error(error)
        if code in {HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY}:
            remark = explain_refusal(write.limit, found.reason)
            log_request(
                request,
                f"was not resized: {remark.message}",
                reason=remark.reason,
                error=found.reason,
            )
            self._count(ResizeResult.REFUSED)
            self._requeue_refused(node, request, _policy_refusal(request, context, remark))
        elif code == HTTPStatus.CONFLICT:  # another client changed the pod: read it again
            self._count(ResizeResult.CONFLICT)
            self._requeue(node, request, CONFLICT_SECONDS)
        else:
            log_request(
                request,
                f"was not resized, retrying: {found.reason}",
                error_keys(found),
                level=logging.WARNING,
            )
            self._count(ResizeResult.FAILED)
            self._requeue(node, request, max(RETRY_SECONDS, found.retry_after))

    def _requeue_refused(self, node: str, request: Resize, refused: PolicyRefusal | None) -> None:
        """Requeue with exponential back-off: quota may become free, other refusals seldom end."""
        before = self._requests.get(node, request)
        refusals = before.refusal_count if before else 0
        seconds = min(REFUSED_SECONDS * 2**refusals, MAX_REFUSED_SECONDS)
        answer = RequestOutcome(self._now() + seconds, refused, refusals + 1)
        self._notify(self._requests.record_outcome(node, request, answer))

    def _requeue(self, node: str, request: Resize, seconds: float) -> None:
        self._notify(
            self._requests.record_outcome(node, request, RequestOutcome(self._now() + seconds))
        )

    def _count(self, result: ResizeResult) -> None:
        self.counts.resizes[result] += 1

    def _notify(self, policies: set[PolicyKey]) -> None:
        if policies:
            self.refusals_changed(policies)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _policy_refusal(
    request: Resize, context: ResizeContext, remark: Remark
) -> PolicyRefusal | None:
    """Attribute a refusal to the winning policy; None: a restored limit has no policy."""
    winner = context.select_winner().winner
    if winner is None:
        return None
    policy, pod = winner.policy, f"{request.namespace}/{request.pod}"
    refused = Refusal(
        pod=pod, container=request.container, reason=remark.reason, message=remark.message
    )
    return policy.key, refused
