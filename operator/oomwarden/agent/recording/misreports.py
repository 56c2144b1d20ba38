"""Says on the Pod where the kubelet hides an OOM kill. Best effort: a restart forgets it.

The steps, in order: a record is told, the pods' watch tells how containers ended -> compare ->
once a wrong word has stood for a while, an Event -> post it, a bounded number of times.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from oomwarden.agent.recording.settler import SettledIncident
from oomwarden.agent.runtime.signal import Signal
from oomwarden.core.records.misreport import AT_MOST, Cases, endings, misreport, recorded_kill
from oomwarden.core.records.oomkill import Manifest
from oomwarden.kube.transport.errors import WriteOutcome, WriteResult

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 2.0, 60.0
TRIES = 10
"""Over some six minutes; the API server forgets Events after an hour anyway."""
IDLE_SECONDS = 60.0
_LOG = logging.getLogger(__name__)

Post = Callable[[Manifest], Awaitable[WriteResult]]


@dataclass(slots=True)
class _Waiting:
    """An Event on its way; `not_before` as of the clock."""

    event: Manifest
    not_before: float
    wait: float = FIRST_RETRY_SECONDS
    tries: int = 0


@dataclass(slots=True, eq=False)
class MisreportNotifier:
    """Call `kill_recorded` for each record that is stored, and `pod_changed` for each pod.

    `clock` gives seconds and only goes forward.
    """

    post: Post
    clock: Callable[[], float] = time.monotonic
    progress: float = 0.0
    _cases: Cases = field(default_factory=Cases)
    _waiting: list[_Waiting] = field(default_factory=list)
    _changed: Signal = field(default_factory=Signal)

    def kill_recorded(self, one: SettledIncident) -> None:
        """Take a kill that has a record."""
        kill = recorded_kill(one.incident, one.witness, time.time())
        if kill is not None:
            self._cases.told(kill, self.clock())
            self._changed.set()

    def pod_changed(self, manifest: dict[str, Any]) -> None:
        """Take a Pod as the API server gives it."""
        self._cases.ended(manifest["metadata"]["uid"], endings(manifest), self.clock())
        self._changed.set()

    async def run(self) -> None:
        """Compare and post for ever."""
        while True:
            await self.step()
            self.progress = time.monotonic()
            await self._rest()

    async def step(self) -> None:
        """Post what is due now."""
        now = self.clock()
        for kill, ending in self._cases.due(now):
            self._waiting.append(_Waiting(misreport(kill, ending, time.time()), now))
        del self._waiting[:-AT_MOST]
        for one in [one for one in self._waiting if one.not_before <= now]:
            await self._try(one)

    async def _try(self, one: _Waiting) -> None:
        answer = await self.post(one.event)
        one.tries += 1
        if answer.outcome is WriteOutcome.RETRY and one.tries < TRIES:
            one.not_before = self.clock() + max(one.wait, answer.after)
            one.wait = min(one.wait * 2, LAST_RETRY_SECONDS)
            return
        self._waiting.remove(one)
        if answer.outcome is not WriteOutcome.DONE:
            metadata = one.event["metadata"]
            _LOG.warning(
                "no Event %s/%s (%s): %s",
                metadata["namespace"], metadata["name"], one.event["note"], answer.reason,
            )  # fmt: skip

    async def _rest(self) -> None:
        due = [one.not_before for one in self._waiting]
        if (next_due := self._cases.next_due()) is not None:
            due.append(next_due)
        longest = min(due) - self.clock() if due else IDLE_SECONDS
        await self._changed.wait(max(longest, 0.05))
