"""A signal between loops of the agent: something has changed."""

import asyncio
import contextlib
import time

from msgspec import Struct, field


class Signal(Struct):
    """Any number of parts set the signal; one loop waits for it.

    Attributes:
        since: When the signal was first set after it was last cleared (`time.monotonic`).
    """

    since: float = 0.0
    _event: asyncio.Event = field(default_factory=asyncio.Event)
    _timer: asyncio.TimerHandle | None = None

    def set(self) -> None:
        """Wake the waiting loop; if it does not wait now, its next wait returns immediately."""
        self._stop_timer()
        if not self._event.is_set():
            self.since = time.monotonic()
        self._event.set()

    def set_later(self, seconds: float) -> None:
        """Set the signal after some seconds, unless the loop clears it before."""
        if self._timer is None and not self._event.is_set():
            self._timer = asyncio.get_running_loop().call_later(seconds, self.set)

    def is_set(self) -> bool:
        """Return whether something has changed since the last wait."""
        return self._event.is_set()

    def clear(self) -> bool:
        """Clear the signal; return whether it was set, or to be set later."""
        changed = self._event.is_set() or self._timer is not None
        self._stop_timer()
        self._event.clear()
        return changed

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def wait(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - a time to wake
        """Wait for a change, `timeout` seconds at most, and clear the signal.

        Returns:
            Whether something changed; False after `timeout` seconds without a change.
        """
        await self.set_within(timeout)
        return self.clear()

    async def set_within(self, timeout: float | None) -> bool:  # noqa: ASYNC109 - a time to wake
        """Wait for a change, `timeout` seconds at most, and leave the signal set.

        Unlike `asyncio.wait_for`, this never swallows a cancellation that arrives together with
        the signal (Python before 3.12).

        Returns:
            Whether something has changed.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._event.wait()
        return self._event.is_set()
