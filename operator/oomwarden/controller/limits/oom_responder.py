"""Answers kills where a policy says so: onOOM.raiseLimit; one loop, no kopf.

The steps, in order: an OOMKill comes -> read pod, policies, switch and node again -> decide
(core/limits/raise_limit) -> patch pods/resize -> write status.response -> post the Event. An
operator that ends in between finds by the limit's mark what was done.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Protocol

from lightkube import ApiError

from oomwarden.api.oomkill import OOMKill
from oomwarden.api.oomlimit import Step
from oomwarden.controller.limits.headroom import MemoryReservations, NodeHeadroom, moment, room_of
from oomwarden.controller.limits.set_limits import ResizeCalls, set_limit
from oomwarden.core.limits.authorization import LimitWrite
from oomwarden.core.limits.raise_case import RaiseContext, is_young
from oomwarden.core.limits.raise_limit import STALE, NotRaised, Raise, decide
from oomwarden.core.limits.recent_kills import MOST_OF_A_NAMESPACE, RecentKillQueue
from oomwarden.core.limits.resize_patch import refusal
from oomwarden.core.limits.response import event, response
from oomwarden.core.objects.json_parts import object_at
from oomwarden.core.objects.passed_over import UnreadableObjects, error_words, name_of
from oomwarden.kube.pod_resizes import ResizeTarget
from oomwarden.kube.transport.errors import API_ERRORS, WriteOutcome, WriteResult, failure

TRY_AGAIN_SECONDS = 2.0
AWAITED = timedelta(seconds=45)
"""After a kill its node's agent has so long to tell how much memory is available."""
POST_TRIES = 5
AT_ONCE = 8
"""Kills that are answered at a time; one of each namespace."""
_LOG = logging.getLogger(__name__)

Json = dict[str, Any]


class Kills(Protocol):
    """The calls that are needed."""

    async def follow(self, take: Callable[[Json], None]) -> None:
        """Hand on young OOMKills for ever."""

    async def write_response(self, namespace: str, name: str, response: Json) -> None:
        """Write status.response; may raise one of kube.errors.API_ERRORS."""

    async def post(self, event: Json) -> WriteResult:
        """Create an Event."""

    async def node_status(self, node: str) -> Json:
        """Read an OOMNode with its status; may raise one of kube.errors.API_ERRORS."""


class _AgainError(Exception):
    """The API server did not let it be decided or done: to be tried again while it is young."""


@dataclass(slots=True, eq=False)
class Responder:
    """Answers each kill once: what has a response already is left. `instance` names this pod.

    A record that cannot be answered for what it holds is noted in `passed_over`.
    """

    kills: Kills
    calls: ResizeCalls
    instance: str
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    waiting: RecentKillQueue = field(default_factory=RecentKillQueue)
    passed_over: UnreadableObjects = field(default_factory=UnreadableObjects)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _told: int = 0
    _given: MemoryReservations = field(default_factory=MemoryReservations)

    async def run(self) -> None:
        """Work for ever, whatever the API server answers."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self.kills.follow(self.take), name="young-kills")
            loops.create_task(self._answer_for_ever(), name="responses")

    def take(self, manifest: Json) -> None:
        """Take a record that was told; most events are not about a new one."""
        answered = object_at(manifest, "status").get("response")
        if not answered and self._is_young(manifest):
            if not self.waiting.put(manifest, self._clock()):
                self._tell_dropped()
            self._wake.set()

    def _tell_dropped(self) -> None:
        """Say that kills get no answer: at the first, and whenever there are twice as many."""
        count = self.waiting.dropped
        if count >= 2 * self._told:
            most = max(self.waiting.dropped_of, key=self.waiting.dropped_of.__getitem__)
            _LOG.warning(
                "%d OOMKills got no response as too many came at once, most of them in %s: "
                "onOOM acts on the newest %d of a namespace that wait",
                count, most, MOST_OF_A_NAMESPACE,
            )  # fmt: skip
            self._told = count

    def _is_young(self, manifest: Json) -> bool:
        """Whether a record is recent; its own time is of the node's clock, which may be wrong."""
        created = _created(manifest)
        return created is not None and is_young(created, self.now())

    async def _answer_for_ever(self) -> None:
        """Answer a few at a time, of each namespace one."""
        slots = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as works:
            while True:
                await slots.acquire()
                namespace, manifest = await self._next()
                works.create_task(self._serve(namespace, manifest, slots))

    async def _next(self) -> tuple[str, Json]:
        while True:
            self._wake.clear()
            if (found := self.waiting.next(self._clock())) is not None:
                return found
            await self._wake.wait()

    async def _serve(self, namespace: str, manifest: Json, slots: asyncio.Semaphore) -> None:
        """Answer a kill; one that could not be waits for its namespace's next turn."""
        try:
            await self.answer(manifest)
        except _AgainError as error:
            slots.release()
            name = manifest["metadata"]["name"]
            _LOG.warning("OOMKill %s has no response yet, tried again: %s", name, error)
            await self.sleep(TRY_AGAIN_SECONDS)
            self.take(manifest)
        except Exception as error:  # noqa: BLE001 - whatever an object makes it raise
            slots.release()
            name, why = name_of("OOMKill", manifest), error_words(error)
            self.passed_over.note("OOMKill", manifest, f"it gets no response: {why}")
            _LOG.error("%s gets no response: %s", name, why)
        else:
            slots.release()
        self.waiting.again(namespace, self._clock())
        self._wake.set()

    @staticmethod
    def _clock() -> float:
        return asyncio.get_running_loop().time()

    async def answer(self, manifest: Json) -> None:
        """Answer one kill.

        Raises:
            _AgainError: it could not be decided, done or recorded.
            ValueError: it cannot be read.
        """
        kill = OOMKill.model_validate(manifest)
        try:
            await self._answer(kill, manifest["metadata"])
        except API_ERRORS as error:
            raise _AgainError(failure(error).reason) from error

    async def _answer(self, kill: OOMKill, metadata: Json) -> None:
        namespace, name = metadata["namespace"], metadata["name"]
        found = await self.calls.look(namespace, kill.pod.name, kill.container.name or "")
        room = room_of(await self.kills.node_status(kill.node), self.now())
        case = self._case(kill, found, room, metadata)
        decided = decide(case)
        if decided is None:
            return
        if isinstance(decided, NotRaised) and decided.reason == STALE and self._may_wait(case):
            raise _AgainError(decided.message)
        if isinstance(decided, Raise) and not decided.done:
            decided = await self._give(decided, found, room)
        told = response(decided, kill, namespace, self.now())
        _LOG.info("OOMKill %s/%s: %s: %s", namespace, name, told.reason, told.message)
        content = told.model_dump(mode="json", by_alias=True, exclude_none=True)
        await self.kills.write_response(namespace, name, content)
        if posted := event(told, name, found.scene, self.instance, self.now()):
            await self._post(posted)

    def _case(
        self, kill: OOMKill, found: ResizeTarget, room: NodeHeadroom | None, metadata: Json
    ) -> RaiseContext:
        created = _created({"metadata": metadata})
        if room is None:
            return RaiseContext(kill, found.scene, None, self.now(), created=created)
        available, told = self._given.left(kill.node, room), moment(room.heartbeat)
        return RaiseContext(kill, found.scene, available, self.now(), told, room.skew, created)

    def _may_wait(self, case: RaiseContext) -> bool:
        """Whether the node's agent has time left to tell how much memory is available."""
        return self.now() - (case.created or case.happened) <= AWAITED

    async def _give(
        self, wanted: Raise, found: ResizeTarget, room: NodeHeadroom | None
    ) -> Raise | NotRaised:
        """Raise a limit; what is given counts from now on, so that no other kill gets it too."""
        node, more = found.scene.node, wanted.limit - wanted.before
        if room:
            self._given.take(node, room, more)
        given = False
        try:
            done = await self._raise(wanted, found)
            given = isinstance(done, Raise)
        finally:
            if room and not given:
                self._given.take(node, room, -more)
        return done

    async def _post(self, posted: Json) -> None:
        """Post the Event; the record says the same, so it is not tried for ever."""
        for _ in range(POST_TRIES):
            made = await self.kills.post(posted)
            if made.outcome is not WriteOutcome.RETRY:
                return
            await self.sleep(TRY_AGAIN_SECONDS)
        _LOG.warning("Event %s was not posted: %s", posted["metadata"]["name"], made.reason)

    async def _raise(self, wanted: Raise, found: ResizeTarget) -> Raise | NotRaised:
        if found.scene.pod is None or found.scene.container is None:
            return NotRaised("ContainerUnknown", "The container is gone.")
        new = LimitWrite(wanted.limit, Step.RAISE, wanted.origin)
        try:
            await set_limit(self.calls, found, new, self.now())
        except ApiError as error:
            if error.status.code not in {HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY}:
                raise
            remark = refusal(wanted.limit, failure(error).reason)
            return NotRaised(remark.reason, remark.message)
        return wanted


def _created(manifest: Json) -> datetime | None:
    """Tell when a record came to be, by the API server's clock."""
    return moment((manifest.get("metadata") or {}).get("creationTimestamp"))
