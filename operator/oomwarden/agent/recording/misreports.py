"""Posts an Event on the Pod where the kubelet's status hides an OOM kill.

The steps, in order: note recorded kills, and how containers ended by the Pod's status -> compare
-> once a wrong status has stood for a while, make an Event -> post it, a bounded number of times.
Best effort: a restart forgets it.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from oomwarden.agent.runtime.signal import Signal
from oomwarden.core.incidents.incident import Incident
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.records.misreport import (
    MAX_CONTAINERS,
    TerminationMatcher,
    container_kill,
    misreport,
    terminations,
)
from oomwarden.kube.transport.errors import WriteOutcome, WriteResult

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 2.0, 60.0
TRIES = 10
"""Tries within some six minutes; the API server forgets Events after an hour anyway."""
IDLE_SECONDS = 60.0
_LOG = logging.getLogger(__name__)

PostEvent = Callable[[Manifest], Awaitable[WriteResult]]


@dataclass(slots=True)
class _Waiting:
    """An Event that waits for its next try, not before a time of the clock."""

    event: Manifest
    not_before: float
    wait: float = FIRST_RETRY_SECONDS
    tries: int = 0


@dataclass(slots=True, eq=False)
class MisreportNotifier:
    """Compares what was recorded with what the kubelet reports.

    Attributes:
        post: Posts one Event.
        clock: Returns seconds that only go forward.
        progress: Time of the last step (`time.monotonic`).
    """

    post: PostEvent
    clock: Callable[[], float] = time.monotonic
    progress: float = 0.0
    _cases: TerminationMatcher = field(default_factory=TerminationMatcher)
    _waiting: list[_Waiting] = field(default_factory=list)
    _changed: Signal = field(default_factory=Signal)

    def kill_recorded(self, incident: Incident) -> None:
        """Note a kill once its record is stored."""
        kill = container_kill(incident, time.time())
        if kill is not None:
            self._cases.add_kill(kill, self.clock())
            self._changed.set()

    def pod_changed(self, manifest: dict[str, Any]) -> None:
        """Note how the containers of a Pod ended, by its status."""
        self._cases.update_terminations(
            manifest["metadata"]["uid"], terminations(manifest), self.clock()
        )
        self._changed.set()

    async def run(self) -> None:
        """Compare and post until cancelled."""
        while True:
            await self.step()
            self.progress = time.monotonic()
            await self._rest()

    async def step(self) -> None:
        """Post what is due now."""
        now = self.clock()
        for kill, ending in self._cases.pop_due(now):
            self._waiting.append(_Waiting(misreport(kill, ending, time.time()), now))
        del self._waiting[:-MAX_CONTAINERS]
        for one in [one for one in self._waiting if one.not_before <= now]:
            await self._try(one)

    async def _try(self, one: _Waiting) -> None:
        answer = await self.post(one.event)
        one.tries += 1
        if answer.outcome is WriteOutcome.RETRY and one.tries < TRIES:
            one.not_before = self.clock() + max(one.wait, answer.retry_after)
            one.wait = min(one.wait * 2, LAST_RETRY_SECONDS)
            return
        self._waiting.remove(one)
        if answer.outcome is not WriteOutcome.DONE:
            metadata = one.event["metadata"]
            _LOG.warning(
                "Event %s/%s (%s) was not posted: %s",
                metadata["namespace"], metadata["name"], one.event["note"], answer.reason,
            )  # fmt: skip

    async def _rest(self) -> None:
        due = [one.not_before for one in self._waiting]
        if (next_due := self._cases.next_due()) is not None:
            due.append(next_due)
        longest = min(due) - self.clock() if due else IDLE_SECONDS
        await self._changed.wait(max(longest, 0.05))
