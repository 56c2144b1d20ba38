"""Events without a record: each is tried a bounded number of times, and a restart forgets it."""

import logging
import time
from collections.abc import Awaitable, Callable

from msgspec import Struct, field

from oomwarden.core.log_line.keys import about_object
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.kube.transport.errors import WriteOutcome, WriteResult, error_keys

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 2.0, 60.0
TRIES = 10
"""Tries within some six minutes; the API server forgets Events after an hour anyway."""
MAX_WAITING = 512
_LOG = logging.getLogger(__name__)

PostEvent = Callable[[Manifest], Awaitable[WriteResult]]


class _Waiting(Struct):
    """An Event that waits for its next try, not before a time of the clock."""

    event: Manifest
    not_before: float
    wait: float = FIRST_RETRY_SECONDS
    tries: int = 0


class EventRetries(Struct):
    """Posts Events; of too many, the oldest are dropped.

    Attributes:
        post: Posts one Event.
        clock: Returns seconds that only go forward.
    """

    post: PostEvent
    clock: Callable[[], float] = time.monotonic
    _waiting: list[_Waiting] = field(default_factory=list)

    def add(self, event: Manifest) -> None:
        """Have an Event posted at the next step."""
        self._waiting.append(_Waiting(event, self.clock()))
        del self._waiting[:-MAX_WAITING]

    async def step(self) -> None:
        """Post what is due now."""
        now = self.clock()
        for one in [one for one in self._waiting if one.not_before <= now]:
            await self._try(one)

    def next_due(self) -> float | None:
        """Return when the next try is due, by the clock; None: there is nothing to post."""
        return min((one.not_before for one in self._waiting), default=None)

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
                extra=about_object("Event", one.event, error_keys(answer)),
            )  # fmt: skip
