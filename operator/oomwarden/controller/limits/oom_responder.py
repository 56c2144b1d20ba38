"""Respond to OOM kills for which a policy sets onOOM.raiseLimit.

Each kill goes through these steps: an OOMKill arrives -> read pod, policies, mode and node again ->
decide (core/limits/raise_limit) -> patch pods/resize -> write status.response -> post the Event.
An operator that restarts in between sees by the limit's owner what was already done.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

from oomwarden.api.codec.codec import encode
from oomwarden.api.models.validated import validated
from oomwarden.api.oomkill import OOMKill
from oomwarden.controller.limits.headroom import NodeHeadroom, node_headroom, parse_time
from oomwarden.controller.limits.limit_raiser import LimitRaiser
from oomwarden.controller.limits.response_log import (
    log_drops,
    log_response,
    log_retry,
    log_unposted,
    log_unreadable,
)
from oomwarden.controller.limits.set_limits import ResizeCalls
from oomwarden.core.limits.raise_context import RaiseContext, is_recent
from oomwarden.core.limits.raise_limit import NODE_STALE, NotRaised, Raise, decide_raise
from oomwarden.core.limits.recent_kills import MAX_PER_NAMESPACE, RecentKillQueue
from oomwarden.core.limits.response import build_event, build_response
from oomwarden.core.metrics.families.operator import WorkQueue
from oomwarden.core.metrics.operator_counts import OperatorCounts
from oomwarden.core.objects.json_parts import Manifest, object_at
from oomwarden.core.objects.unreadable import UnreadableObjects, describe_error
from oomwarden.kube.pod_resizes import ResizeTarget
from oomwarden.kube.transport.errors import (
    API_ERRORS,
    WriteOutcome,
    WriteResult,
    classify_error,
)

RETRY_SECONDS = 2.0
REPORT_WAIT = timedelta(seconds=45)
"""Longest time after a kill to wait for the agent's report of the node's available memory."""
POST_TRIES = 5
CONCURRENT_KILLS = 8
"""OOMKills that are processed at the same time, each of another namespace."""


class OOMKillCalls(Protocol):
    """Required API calls."""

    async def watch(self, take: Callable[[Manifest], None]) -> None:
        """Watch recent OOMKills until cancelled."""

    async def write_response(self, namespace: str, name: str, response: Manifest) -> bool:
        """Write status.response; return False if the OOMKill is gone or has a response.

        It may raise one of kube.transport.errors.API_ERRORS.
        """

    async def post(self, event: Manifest) -> WriteResult:
        """Create an Event."""

    async def node_status(self, node: str) -> Manifest:
        """Read an OOMNode with its status; may raise one of kube.transport.errors.API_ERRORS."""


class _RetryError(Exception):
    """The API server prevented the response; it is retried while the OOMKill is recent."""


@dataclass(slots=True, eq=False)
class OOMResponder:
    """Responds once to each OOMKill: one that has a response is skipped.

    Attributes:
        kills: The API calls for OOMKills.
        calls: The API calls for resizes.
        instance: The name of the operator's pod.
        unreadable: Records the OOMKills that cannot be processed because of their content.
        now: Returns the current time.
        sleep: Replaced in tests.
        counts: Counts the responses.
        queue: The OOMKills that wait for a response.
    """

    kills: OOMKillCalls
    calls: ResizeCalls
    instance: str
    unreadable: UnreadableObjects
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    counts: OperatorCounts = field(default_factory=partial(OperatorCounts, time.monotonic))
    queue: RecentKillQueue = field(default_factory=RecentKillQueue)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _logged_drops: int = 0
    _raiser: LimitRaiser = field(init=False)

    def __post_init__(self) -> None:
        self._raiser = LimitRaiser(self.calls, self.now)

    async def run(self) -> None:
        """Process OOMKills until cancelled, whatever the API server answers."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self.kills.watch(self.enqueue), name="recent-kills")
            loops.create_task(self._process_all(), name="responses")

    def enqueue(self, manifest: Manifest) -> None:
        """Queue an OOMKill if it is recent and has no response yet; most events have one."""
        has_response = object_at(manifest, "status").get("response")
        if not has_response and self._is_young(manifest):
            if not self.queue.put(manifest, self._clock()):
                self._log_drops()
            self._wake.set()

    def _log_drops(self) -> None:
        """Log that OOMKills were dropped: the first one, and each time their number doubles."""
        count = self.queue.dropped
        if count >= 2 * self._logged_drops:
            most = max(
                self.queue.dropped_by_namespace, key=self.queue.dropped_by_namespace.__getitem__
            )
            log_drops(count, most, MAX_PER_NAMESPACE)
            self._logged_drops = count

    def _is_young(self, manifest: Manifest) -> bool:
        """Return whether the record is recent, by the API server's clock: the node's may be off."""
        created = _created(manifest)
        return created is not None and is_recent(created, self.now())

    async def _process_all(self) -> None:
        slots = asyncio.Semaphore(CONCURRENT_KILLS)
        async with asyncio.TaskGroup() as workers:
            while True:
                await slots.acquire()
                namespace, manifest = await self._next()
                workers.create_task(self._process(namespace, manifest, slots))

    async def _next(self) -> tuple[str, Manifest]:
        while True:
            self._wake.clear()
            if (found := self.queue.next(self._clock())) is not None:
                return found
            await self._wake.wait()

    async def _process(self, namespace: str, manifest: Manifest, slots: asyncio.Semaphore) -> None:
        """Respond to an OOMKill, or requeue it for its namespace's next turn."""
        try:
            with self.counts.timed(WorkQueue.RESPONSES):
                await self.respond(manifest)
        except _RetryError as error:
            slots.release()
            log_retry(manifest, error)
            await self.sleep(RETRY_SECONDS)
            self.enqueue(manifest)
        except Exception as error:  # noqa: BLE001 - a malformed object may raise anything
            slots.release()
            why = describe_error(error)
            self.unreadable.add("OOMKill", manifest, f"it gets no response: {why}")
            log_unreadable(manifest, why)
        else:
            slots.release()
        self.queue.done(namespace, self._clock())
        self._wake.set()

    @staticmethod
    def _clock() -> float:
        return asyncio.get_running_loop().time()

    async def respond(self, manifest: Manifest) -> None:
        """Respond to one OOMKill.

        Raises:
            _RetryError: The API server prevented the decision, the resize or the response.
            ValueError: The OOMKill cannot be read.
        """
        kill = validated(OOMKill, manifest)
        try:
            await self._respond(kill, manifest["metadata"])
        except API_ERRORS as error:
            raise _RetryError(classify_error(error).reason) from error

    async def _respond(self, kill: OOMKill, metadata: Manifest) -> None:
        namespace = metadata["namespace"]
        found = await self.calls.read_target(namespace, kill.pod.name, kill.container.name or "")
        headroom = node_headroom(await self.kills.node_status(kill.node), self.now())
        context = self._context(kill, found, headroom, metadata)
        decided = decide_raise(context)
        if decided is None:
            return
        if (
            isinstance(decided, NotRaised)
            and decided.reason == NODE_STALE
            and self._may_wait(context)
        ):
            raise _RetryError(decided.message)
        if isinstance(decided, Raise) and not decided.already_done:
            decided = await self._raiser.raise_limit(decided, found, headroom)
        await self._record(decided, kill, metadata, found)

    async def _record(
        self, decided: Raise | NotRaised, kill: OOMKill, metadata: Manifest, found: ResizeTarget
    ) -> None:
        """Write the response, then post its Event, unless another operator has responded."""
        namespace, name = metadata["namespace"], metadata["name"]
        made = build_response(decided, kill, namespace, self.now())
        if not await self.kills.write_response(namespace, name, encode(made)):
            return
        log_response(metadata, kill, made)
        self.counts.responded(namespace, made.reason)
        if posted := build_event(made, name, found.context, self.instance, self.now()):
            await self._post(posted)

    def _context(
        self, kill: OOMKill, found: ResizeTarget, headroom: NodeHeadroom | None, metadata: Manifest
    ) -> RaiseContext:
        created = _created({"metadata": metadata})
        if headroom is None:
            return RaiseContext(kill, found.context, None, self.now(), created=created)
        available = self._raiser.reservations.unreserved(kill.node, headroom)
        reported = parse_time(headroom.heartbeat)
        return RaiseContext(
            kill, found.context, available, self.now(), reported, headroom.skew, created
        )

    def _may_wait(self, context: RaiseContext) -> bool:
        """Return whether the agent may still report the available memory in time."""
        return self.now() - (context.created or context.happened) <= REPORT_WAIT

    async def _post(self, posted: Manifest) -> None:
        """Post the Event, with a few retries only: the OOMKill has the same text."""
        for _ in range(POST_TRIES):
            made = await self.kills.post(posted)
            if made.outcome is not WriteOutcome.RETRY:
                return
            await self.sleep(RETRY_SECONDS)
        log_unposted(posted, made)


def _created(manifest: Manifest) -> datetime | None:
    """Return when the record was created, by the API server's clock."""
    return parse_time((manifest.get("metadata") or {}).get("creationTimestamp"))
