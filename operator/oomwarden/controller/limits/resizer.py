"""Sets the memory limits that policies ask for, node by node in turn.

The steps, in order: an OOMNode says what its agent asks for -> read pod, policies and switch
again -> decide (core/limits/authorization) -> patch pods/resize -> keep a refusal for the policy's
status.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from lightkube import ApiError

from oomwarden.api.oomnode import Refusal, Resize
from oomwarden.controller.limits.set_limits import ResizeCalls, set_limit
from oomwarden.core.limits.authorization import Denied, LimitWrite, ResizeContext, grant
from oomwarden.core.limits.node_report import PolicyKey
from oomwarden.core.limits.resize_patch import refusal
from oomwarden.core.limits.resize_requests import Answer, ResizeRequestQueue
from oomwarden.core.model.remark import Remark
from oomwarden.core.objects.passed_over import error_words
from oomwarden.kube.pod_resizes import ResizeTarget
from oomwarden.kube.transport.errors import API_ERRORS, failure

PER_SECOND = 10.0
"""Patches: a policy for 3,000 pods takes five minutes, in which it can be stopped."""
AT_ONCE = 4
"""Nodes that are served, one ask each: one that is slow to answer keeps nobody waiting."""
SET_SECONDS = 30.0
"""After a patch the agent takes so long at most to see it, and to ask no more."""
REFUSED_SECONDS = 60.0
REFUSED_LONGEST_SECONDS = 600.0
RETRY_SECONDS = 5.0
CONFLICT_SECONDS = 0.5
_LOG = logging.getLogger(__name__)

Told = tuple[PolicyKey, Refusal]
"""What is to be told, and in which policy's status."""


@dataclass(slots=True, eq=False)
class Resizer:
    """`changed` is called with the policies whose refusals are others than before."""

    calls: ResizeCalls
    changed: Callable[[Iterable[PolicyKey]], None]
    sleep: Callable[[float], Any] = asyncio.sleep
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _asks: ResizeRequestQueue[PolicyKey] = field(default_factory=ResizeRequestQueue)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, node: str, asked: Sequence[Resize]) -> None:
        """Take what a node's agent asks for now; what it no longer asks for is forgotten."""
        self._tell(self._asks.take(node, asked, self._now()))
        self._wake.set()

    def refusals(self, key: PolicyKey) -> tuple[Refusal, ...]:
        """Give what is to be told under a policy."""
        return self._asks.refusals(key)

    async def run(self) -> None:
        """Work for ever, whatever the API server answers: a few nodes at a time, one ask each."""
        slots = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as works:
            while True:
                await slots.acquire()
                node, ask = await self._next()
                works.create_task(self._serve(node, ask, slots))
                await self.sleep(1 / PER_SECOND)

    async def _next(self) -> tuple[str, Resize]:
        """Wait until a node asks for other things, or for the next try."""
        while True:
            self._wake.clear()
            if (due := self._asks.next(self._now())) is not None:
                return due
            soonest = self._asks.soonest()
            patience = None if soonest == math.inf else max(soonest - self._now(), 0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._wake.wait()

    async def _serve(self, node: str, ask: Resize, slots: asyncio.Semaphore) -> None:
        try:
            await self._guarded(node, ask)
        finally:
            self._asks.again(node, self._now())
            slots.release()
            self._wake.set()

    async def _guarded(self, node: str, ask: Resize) -> None:
        """Do what is asked; a pod or policy that cannot be read keeps nobody else waiting."""
        try:
            await self._one(node, ask)
        except Exception as error:  # noqa: BLE001 - whatever an object makes it raise
            where, why = f"{ask.namespace}/{ask.pod} {ask.container}", error_words(error)
            _LOG.error("not resized, and looked at again later: %s: %s", where, why)
            self._refuse(node, ask, None)

    async def _one(self, node: str, ask: Resize) -> None:
        """Do what is asked, once; when to look again says the answer."""
        try:
            found = await self.calls.look(ask.namespace, ask.pod, ask.container)
        except API_ERRORS as error:
            _LOG.warning("pod %s/%s: %s", ask.namespace, ask.pod, failure(error).reason)
            self._answer(node, ask, RETRY_SECONDS)
            return
        match grant(ask, node, found.scene):
            case Denied(why):
                _LOG.info("not resized: %s/%s %s: %s", ask.namespace, ask.pod, ask.container, why)
                self._answer(node, ask, SET_SECONDS)
            case LimitWrite() as write:
                await self._write(node, ask, found, write)

    async def _write(self, node: str, ask: Resize, found: ResizeTarget, write: LimitWrite) -> None:
        try:
            await set_limit(self.calls, found, write, self.clock())
        except API_ERRORS as error:
            self._refused(node, ask, (found.scene, write), error)
            return
        where = f"{ask.namespace}/{ask.pod} {ask.container}"
        _LOG.info("%s: memory limit %s set for %s", where, ask.limit, ask.policy or "putting back")
        self._answer(node, ask, SET_SECONDS)

    def _refused(
        self, node: str, ask: Resize, tried: tuple[ResizeContext, LimitWrite], error: Exception
    ) -> None:
        scene, write = tried
        code = error.status.code if isinstance(error, ApiError) else None
        told = failure(error)
        if code in {HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY}:
            remark = refusal(write.limit, told.reason)
            _LOG.info("%s/%s %s: %s", ask.namespace, ask.pod, ask.container, remark.message)
            self._refuse(node, ask, _told(ask, scene, remark))
        elif code == HTTPStatus.CONFLICT:  # somebody was quicker: look again
            self._answer(node, ask, CONFLICT_SECONDS)
        else:
            _LOG.warning("%s/%s was not resized: %s", ask.namespace, ask.pod, told.reason)
            self._answer(node, ask, max(RETRY_SECONDS, told.after))

    def _refuse(self, node: str, ask: Resize, told: Told | None) -> None:
        """Ask again ever later: a quota may be freed, most else stays as it is."""
        before = self._asks.get(node, ask)
        refusals = before.refusals if before else 0
        seconds = min(REFUSED_SECONDS * 2**refusals, REFUSED_LONGEST_SECONDS)
        due = self._now() + seconds
        self._tell(self._asks.answer(node, ask, Answer(due, told, refusals + 1)))

    def _answer(self, node: str, ask: Resize, seconds: float) -> None:
        self._tell(self._asks.answer(node, ask, Answer(self._now() + seconds)))

    def _tell(self, policies: set[PolicyKey]) -> None:
        if policies:
            self.changed(policies)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _told(ask: Resize, scene: ResizeContext, remark: Remark) -> Told | None:
    """Say it under the winner; without one, what is put back has nobody to be told."""
    winner = scene.select_winner().winner
    if winner is None:
        return None
    policy, pod = winner.policy, f"{ask.namespace}/{ask.pod}"
    told = Refusal(pod=pod, container=ask.container, reason=remark.reason, message=remark.message)
    return PolicyKey(policy.kind, policy.namespace, policy.name), told
