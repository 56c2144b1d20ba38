"""A signal between two loops of the agent: something has changed."""

import asyncio
import contextlib
from dataclasses import dataclass, field


@dataclass(slots=True)
class Signal:
    """Something has changed; any number of parts set it, one loop waits for it."""

    _event: asyncio.Event = field(default_factory=asyncio.Event)

    def set(self) -> None:
        """Wake the loop that waits, or the next one that does."""
        self._event.set()

    def is_set(self) -> bool:
        """Return whether something has changed since the last wait."""
        return self._event.is_set()

    async def wait(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - a time to wake
        """Wait for a change, `timeout` seconds at most; clear the signal.

        Unlike `asyncio.wait_for`, it never swallows a cancellation that arrives together with the
        signal (Python before 3.12).

        Returns:
            Whether something changed; False after `timeout` seconds without a change.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._event.wait()
        changed = self._event.is_set()
        self._event.clear()
        return changed
