"""Sets the memory limits that policies ask for; one loop, fed with what the nodes' agents ask.

The steps, in order: an OOMNode says what its agent asks for -> read pod, policies and switch
anew -> decide (core/grants) -> patch pods/resize -> keep a refusal for the policy's status.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from operator import itemgetter
from typing import Any

from lightkube import ApiError

from oomwarden.api.oomnode import Refusal, Resize
from oomwarden.controller.set_limits import Calls, set_limit
from oomwarden.controller.statuses import PolicyKey
from oomwarden.core.grants import Denied, Scene, Write, grant
from oomwarden.core.resize_patch import refusal
from oomwarden.core.scoring import Remark
from oomwarden.kube.errors import API_ERRORS, failure
from oomwarden.kube.resizes import Found

PER_SECOND = 10.0
"""Patches: a policy for 3,000 pods takes five minutes, in which it can be stopped."""
SET_SECONDS = 30.0
"""After a patch the agent takes so long at most to see it, and to ask no more."""
REFUSED_SECONDS = 60.0
REFUSED_LONGEST_SECONDS = 600.0
RETRY_SECONDS = 5.0
CONFLICT_SECONDS = 0.5
_LOG = logging.getLogger(__name__)

Told = tuple[PolicyKey, Refusal]
"""What is to be told, and in which policy's status."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What became of an ask; it is looked at again when it is `due`, in loop time."""

    due: float
    told: Told | None = None
    refusals: int = 0


@dataclass(slots=True, eq=False)
class Resizer:
    """`changed` is called with the policies whose refusals are others than before."""

    calls: Calls
    changed: Callable[[Iterable[PolicyKey]], None]
    sleep: Callable[[float], Any] = asyncio.sleep
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _asked: dict[str, tuple[Resize, ...]] = field(default_factory=dict)
    _answers: dict[Resize, _Answer] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, node: str, asked: Sequence[Resize]) -> None:
        """Take what a node's agent asks for now; what it no longer asks for is forgotten."""
        self._asked[node] = tuple(asked)
        live = {ask for asks in self._asked.values() for ask in asks}
        gone = [ask for ask in self._answers if ask not in live]
        told = [self._answers.pop(ask).told for ask in gone]
        self.changed({each[0] for each in told if each})
        self._wake.set()

    def refusals(self, key: PolicyKey) -> tuple[Refusal, ...]:
        """Give what is to be told under a policy."""
        told = (each.told for each in self._answers.values())
        return tuple(each[1] for each in told if each and each[0] == key)

    async def run(self) -> None:
        """Work for ever, whatever the API server answers."""
        while True:
            self._wake.clear()
            if (due := self._next()) is None:
                await self._pause()
                continue
            await self._one(*due)
            await self.sleep(1 / PER_SECOND)

    async def _pause(self) -> None:
        """Wait until a node asks for other things, or for the next try."""
        soonest = min((each.due for each in self._answers.values()), default=math.inf)
        patience = None if soonest == math.inf else max(soonest - self._now(), 0)
        try:
            async with asyncio.timeout(patience):
                await self._wake.wait()
        except TimeoutError:
            return

    def _next(self) -> tuple[str, Resize] | None:
        """Give what was asked first of all that is due: a new ask waits for no old refusal."""
        never = _Answer(0.0)
        asks = ((node, ask) for node, asks in self._asked.items() for ask in asks)
        by_due = ((self._answers.get(each[1], never).due, each) for each in asks)
        due, first = min(by_due, key=itemgetter(0), default=(math.inf, None))
        return first if due <= self._now() else None

    async def _one(self, node: str, ask: Resize) -> None:
        """Do what is asked, once; when to look again says the answer."""
        try:
            found = await self.calls.look(ask.namespace, ask.pod, ask.container)
        except API_ERRORS as error:
            _LOG.warning("pod %s/%s: %s", ask.namespace, ask.pod, failure(error).reason)
            self._answer(ask, RETRY_SECONDS)
            return
        match grant(ask, node, found.scene):
            case Denied(why):
                _LOG.info("not resized: %s/%s %s: %s", ask.namespace, ask.pod, ask.container, why)
                self._answer(ask, SET_SECONDS)
            case Write() as write:
                await self._write(ask, found, write)

    async def _write(self, ask: Resize, found: Found, write: Write) -> None:
        try:
            await set_limit(self.calls, found, write, self.clock())
        except API_ERRORS as error:
            self._refused(ask, found.scene, write, error)
            return
        where = f"{ask.namespace}/{ask.pod} {ask.container}"
        _LOG.info("%s: memory limit %s set for %s", where, ask.limit, ask.policy or "putting back")
        self._answer(ask, SET_SECONDS)

    def _refused(self, ask: Resize, scene: Scene, write: Write, error: Exception) -> None:
        code = error.status.code if isinstance(error, ApiError) else None
        told = failure(error)
        if code in {HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY}:
            remark = refusal(write.limit, told.reason)
            _LOG.info("%s/%s %s: %s", ask.namespace, ask.pod, ask.container, remark.message)
            self._refuse(ask, _told(ask, scene, remark))
        elif code == HTTPStatus.CONFLICT:  # somebody was quicker: look again
            self._answer(ask, CONFLICT_SECONDS)
        else:
            _LOG.warning("%s/%s was not resized: %s", ask.namespace, ask.pod, told.reason)
            self._answer(ask, max(RETRY_SECONDS, told.after))

    def _refuse(self, ask: Resize, told: Told | None) -> None:
        """Ask again ever later: a quota may be freed, most else stays as it is."""
        before = self._answers.get(ask)
        refusals = before.refusals if before else 0
        seconds = min(REFUSED_SECONDS * 2**refusals, REFUSED_LONGEST_SECONDS)
        self._answer(ask, seconds, told, refusals + 1)

    def _answer(
        self, ask: Resize, seconds: float, told: Told | None = None, refusals: int = 0
    ) -> None:
        if not any(ask in asks for asks in self._asked.values()):
            return  # withdrawn while it was looked at
        before = self._answers.get(ask)
        self._answers[ask] = _Answer(self._now() + seconds, told, refusals)
        was = before.told if before else None
        if was != told:
            self.changed({each[0] for each in (was, told) if each})

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _told(ask: Resize, scene: Scene, remark: Remark) -> Told | None:
    """Say it under the winner; without one, what is put back has nobody to be told."""
    winner = scene.contest().winner
    if winner is None:
        return None
    policy, pod = winner.policy, f"{ask.namespace}/{ask.pod}"
    told = Refusal(pod=pod, container=ask.container, reason=remark.reason, message=remark.message)
    return PolicyKey(policy.kind, policy.namespace, policy.name), told
