"""Posts an Event on the Pod where the kubelet's status hides an OOM kill.

The steps, in order: note recorded kills, and how containers ended by the Pod's status -> compare
-> once a wrong status has stood for a while, make an Event -> post it, a bounded number of times.
Best effort: a restart forgets it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from oomwarden.agent.delivery.event_retries import EventRetries, PostEvent
from oomwarden.agent.runtime.signal import Signal
from oomwarden.core.incidents.incident import Incident
from oomwarden.core.records.misreport import (
    TerminationMatcher,
    container_kill,
    misreport,
    terminations,
)

IDLE_SECONDS = 60.0


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
    _changed: Signal = field(default_factory=Signal)
    _events: EventRetries = field(init=False)

    def __post_init__(self) -> None:
        self._events = EventRetries(self.post, self.clock)

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
        for kill, ending in self._cases.pop_due(self.clock()):
            self._events.add(misreport(kill, ending, time.time()))
        await self._events.step()

    async def _rest(self) -> None:
        due = [each for each in (self._events.next_due(), self._cases.next_due()) if each]
        longest = min(due) - self.clock() if due else IDLE_SECONDS
        await self._changed.wait(max(longest, 0.05))
