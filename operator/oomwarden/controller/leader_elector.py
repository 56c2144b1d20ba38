"""Leader election: of several operators only the holder of the Lease works.

An operator that loses the Lease exits at once, as controllers with client-go do, and the kubelet
starts it again. Whatever it was about to write is then not written: a task that is only cancelled
could still send a request. A watchdog outside of the event loop does the same if the loop hangs.
"""

import asyncio
import faulthandler
import logging
import os
import random
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from oomwarden.core.leader_election.candidate import LeaseCandidate, Lost, Read, Wait, Write
from oomwarden.core.log_line.keys import LogKeys, about
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.kube.transport.errors import API_ERRORS, classify_error, error_keys

_GRACE_SECONDS = 0.5
"""Time after the deadline at which the watchdog ends the process, unless the event loop has."""
_LOG = logging.getLogger(__name__)


class LeaseCalls(Protocol):
    """Required API calls; each may raise one of kube.transport.errors.API_ERRORS."""

    @property
    def name(self) -> str:
        """The Lease's name."""

    async def read(self) -> Manifest | None:
        """Read the Lease."""

    async def create(self, lease: Manifest) -> Manifest | None:
        """Create the Lease; return None if it exists."""

    async def replace(self, lease: Manifest) -> Manifest | None:
        """Replace the version that was read; return None if it has changed."""


def steady_clock() -> float:
    """Return seconds of a clock that also runs while the machine sleeps, unlike `monotonic`."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def identity(pod: str) -> str:
    """Return an identity that no other process has: a restarted one waits as others do."""
    return f"{pod}_{secrets.token_hex(8)}"


def end_process() -> None:
    """End the process without waiting for anything. Log lines are written by now."""
    os._exit(1)


def arm_watchdog(seconds: float) -> None:
    """End the process after this time, from a thread that needs no lock of the interpreter.

    It prints where each thread hangs. The next call replaces this one.
    """
    faulthandler.dump_traceback_later(seconds, exit=True)


@dataclass(frozen=True, slots=True)
class ElectorEffects:
    """What an elector does besides the API calls; replaced in tests.

    Attributes:
        clock: Returns seconds of a steady clock.
        wall: Returns the time of day.
        chance: Returns a random number in [0, 1).
        sleep: Waits.
        watchdog: Ends the process after this many seconds, unless it is called again.
        disarm: Stops the watchdog.
        end: Ends the process.
    """

    clock: Callable[[], float] = steady_clock
    wall: Callable[[], datetime] = lambda: datetime.now(UTC)
    chance: Callable[[], float] = random.random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    watchdog: Callable[[float], None] = arm_watchdog
    disarm: Callable[[], None] = faulthandler.cancel_dump_traceback_later
    end: Callable[[], None] = end_process


class LeaderElector:
    """Acquires the Lease, keeps it, and releases it.

    Args:
        calls: The API calls.
        candidate: Decides.
        effects: What it does besides.
    """

    def __init__(
        self,
        calls: LeaseCalls,
        candidate: LeaseCandidate,
        effects: ElectorEffects | None = None,
    ) -> None:
        self._calls = calls
        self._candidate = candidate
        self._do = effects or ElectorEffects()
        self._logged = ""

    def leads(self) -> bool:
        """Return whether this process leads."""
        return self._candidate.leads(self._do.clock())

    def waits_for(self) -> str:
        """Return what keeps a standby from taking over; empty if nothing does."""
        return "" if self._candidate.is_ready else f"Lease {self._calls.name} could not be read yet"

    @asynccontextmanager
    async def leading(self) -> AsyncGenerator[None]:
        """Keep the acquired Lease while the block runs, and release it afterwards.

        The block has to end whatever writes. If the Lease is lost, the process ends.
        """
        renewing = asyncio.create_task(self.keep(), name="leader-election")
        try:
            yield
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing
            await self.release()

    async def acquire(self) -> None:
        """Wait until this process leads."""
        _LOG.info(
            "waiting for Lease %s as %s",
            self._calls.name,
            self._candidate.identity,
            extra=self._about(reason="Standby"),
        )
        while not self.leads():
            if lost := await self._advance():  # it stood still just after it had acquired it
                self._end(lost)
        self._arm()
        _LOG.info(
            "Lease %s is acquired: this operator works now",
            self._calls.name,
            extra=self._about(reason="Leader"),
        )

    async def keep(self) -> None:
        """Renew the Lease until cancelled; end the process when it is lost."""
        while (lost := await self._advance()) is None:
            if self.leads():
                self._arm()
        self._end(lost)

    def _end(self, lost: Lost) -> None:
        _LOG.error(
            "Lease %s is lost: %s. This operator ends at once, and starts again as a standby",
            self._calls.name,
            lost.why,
            extra=self._about(reason="Lost", error=lost.why),
        )
        self._do.end()

    async def release(self) -> None:
        """Let another operator lead at once, instead of after the lease duration."""
        self._do.disarm()
        try:
            async with asyncio.timeout(self._candidate.times.retry_period):
                found = await self._calls.read()
                lease = self._candidate.released(found or {}, self._do.wall())
                if lease is not None and await self._calls.replace(lease) is not None:
                    _LOG.info(
                        "Lease %s is released", self._calls.name, extra=self._about("Released")
                    )
        except (*API_ERRORS, TimeoutError) as error:
            self._log_failure("could not be released", error)

    async def _advance(self) -> Lost | None:
        """Do one step; return why the Lease is lost, None if it is not."""
        step = self._candidate.step(self._do.clock(), self._do.wall())
        match step:
            case Wait(seconds):
                await self._do.sleep(seconds)
            case Read():
                await self._guarded(self._read())
            case Write(lease, exists):
                await self._guarded(self._write(lease, exists=exists))
            case Lost():
                return step
        return None

    async def _guarded(self, request: Coroutine[Any, Any, None]) -> None:
        """Send a request that may not take longer than the candidate's patience."""
        patience = self._candidate.patience(self._do.clock())
        try:
            async with asyncio.timeout(patience):
                await request
        except Exception as error:  # noqa: BLE001 - whatever it is, the renew deadline decides
            self._candidate.failed(self._do.clock(), self._do.chance())
            self._log_failure("could not be read or written, retrying", error)
        else:
            self._logged = ""

    async def _read(self) -> None:
        found = await self._calls.read()
        self._candidate.observed(found, self._do.clock(), self._do.chance())

    async def _write(self, lease: Manifest, *, exists: bool) -> None:
        sent = self._do.clock()
        stored = await (self._calls.replace if exists else self._calls.create)(lease)
        if stored is None:
            self._candidate.refused(self._do.clock(), self._do.chance())
        else:
            self._candidate.written(stored, sent, self._do.clock())

    def _arm(self) -> None:
        left = self._candidate.leads_until - self._do.clock()
        self._do.watchdog(max(left, 0) + _GRACE_SECONDS)

    def _log_failure(self, became: str, error: Exception) -> None:
        """Log a failure once, as long as it is the same."""
        failure = classify_error(error)
        if failure.reason != self._logged:
            _LOG.warning(
                "Lease %s %s: %s",
                self._calls.name,
                became,
                failure.reason,
                extra=about(error_keys(failure), kind="Lease", name=self._calls.name),
            )
        self._logged = failure.reason

    def _about(self, reason: str, error: str | None = None) -> dict[str, LogKeys]:
        return about(kind="Lease", name=self._calls.name, reason=reason, error=error)
