"""A candidate of the leader election: what it does next, and whether it leads.

The protocol is that of client-go (tools/leaderelection). The holder renews the Lease. Whoever has
seen the same record for the lease duration, by its own clock, may replace it: the API server
accepts only one replacement of each version. A holder stops leading the renew deadline after it
*sent* its last renewal, and others wait the longer lease duration after they *saw* it. So two never
lead at the same time while their clocks run at a similar rate, whatever they show.
"""

import math
from datetime import datetime

from msgspec import Struct, field

from oomwarden.core.leader_election.lease import (
    LeaseRecord,
    micro_time,
    read_lease,
    with_record,
)
from oomwarden.core.objects.json_parts import Manifest

_NEVER = -math.inf
_NO_RECORD = LeaseRecord("", 0)


class ElectionTimes(Struct, frozen=True):
    """The times of client-go, and a smaller jitter: it is for many candidates.

    Attributes:
        lease_duration: Seconds for which others wait for a holder that does not renew.
        renew_deadline: Seconds after its last renewal at which a holder stops leading. The
            difference to `lease_duration` is what clocks may differ in rate, and the time for
            requests that are on their way.
        retry_period: Seconds between two attempts to acquire or renew.
        jitter: Largest part of `retry_period` that is added to the pause of a candidate.
    """

    lease_duration: int = 15
    renew_deadline: float = 10.0
    retry_period: float = 2.0
    jitter: float = 0.2


class Read(Struct, frozen=True):
    """Read the Lease."""


class Write(Struct, frozen=True):
    """Create the Lease, or replace the version that was read.

    Attributes:
        lease: What to write.
        exists: Whether it replaces one.
    """

    lease: Manifest
    exists: bool


class Wait(Struct, frozen=True):
    """Do nothing for some seconds."""

    seconds: float


class Lost(Struct, frozen=True):
    """Stop working: the Lease is lost, or not renewed in time."""

    why: str


ElectionStep = Read | Write | Wait | Lost


class LeaseCandidate(Struct, eq=False):
    """One candidate. `now` is a steady clock in seconds, `chance` a random number in [0, 1).

    Attributes:
        identity: Identifies this process, and no other one ever.
        times: The times of the election.
        record: The last record that was read or written; its holder may be another.
    """

    identity: str
    times: ElectionTimes = field(default_factory=ElectionTimes)
    record: LeaseRecord = _NO_RECORD
    _lease: Manifest | None = None
    _was_read: bool = False
    _is_current: bool = False
    _was_refused: bool = False
    _has_led: bool = False
    _changed_at: float = _NEVER
    _next_try: float = _NEVER
    _leads_until: float = _NEVER

    def leads(self, now: float) -> bool:
        """Return whether this candidate leads."""
        return now < self._leads_until

    @property
    def leads_until(self) -> float:
        """Time at which it stops leading, unless it renews the Lease."""
        return self._leads_until

    @property
    def is_ready(self) -> bool:
        """Whether it could read the Lease, so that it can take over."""
        return self._was_read

    def patience(self, now: float) -> float:
        """Return the seconds that a request may take; a hanging one leaves time for another."""
        most = self.times.renew_deadline / 2
        return min(most, max(self._leads_until - now, 0.0)) if self._has_led else most

    def step(self, now: float, wall: datetime) -> ElectionStep:
        """Return what to do next; `wall` is the time that the Lease shows to people."""
        if self._has_led and not self.leads(now):
            return Lost(self._why_lost())
        if now < self._next_try:
            return Wait(self._next_try - now)
        if not self._is_current:
            return Read()
        return Write(with_record(self._lease or {}, self._own_record(wall)), bool(self._lease))

    def observed(self, lease: Manifest | None, now: float, chance: float) -> None:
        """Note what was read, None for no Lease; `now` is when the answer was there."""
        self._note(lease, now)
        free_at = self._free_at()
        if self._has_led and free_at > _NEVER:
            self._leads_until = _NEVER
        elif free_at > now:
            self._next_try = min(now + self._pause(chance), free_at)
        else:
            self._is_current = True

    def written(self, lease: Manifest, sent: float, now: float) -> None:
        """Note that a `Write` that was sent at `sent` succeeded, and what is stored since."""
        self._lease, self.record = lease, read_lease(lease)
        self._has_led = self._was_read = self._is_current = True
        self._was_refused = False
        self._changed_at = now
        self._leads_until = sent + self.times.renew_deadline
        self._next_try = now + self.times.retry_period

    def refused(self, now: float, chance: float) -> None:
        """Note that the Lease had changed: it is read again at once, or later if it goes on."""
        if self._was_refused or not self._has_led:
            self._next_try = now + self._pause(chance)
        self._was_refused, self._is_current = True, False

    def failed(self, now: float, chance: float) -> None:
        """Note that a request failed, or that its outcome is unknown."""
        self._is_current = False
        self._next_try = now + self._pause(chance)

    def released(self, lease: Manifest, wall: datetime) -> Manifest | None:
        """Stop leading; return the Lease without a holder, None if another holds it by now."""
        self._leads_until = _NEVER
        found = read_lease(lease)
        if found.holder != self.identity:
            return None
        moment = micro_time(wall)
        return with_record(lease, LeaseRecord("", 1, moment, moment, found.transitions))

    def _note(self, lease: Manifest | None, now: float) -> None:
        """Note the Lease. One that was deleted may still have a holder that works."""
        found = self.record if lease is None else read_lease(lease)
        vanished = lease is None and self._lease is not None
        if vanished or found != self.record or not self._was_read:
            self._changed_at = now
        self._lease, self.record, self._was_read = lease, found, True

    def _free_at(self) -> float:
        """Return when the Lease may be replaced."""
        if self.record.holder in {"", self.identity}:
            return _NEVER
        return self._changed_at + max(self.times.lease_duration, self.record.duration)

    def _own_record(self, wall: datetime) -> LeaseRecord:
        moment, before = micro_time(wall), self.record
        mine = before.holder == self.identity
        return LeaseRecord(
            self.identity,
            self.times.lease_duration,
            before.acquired if mine and before.acquired else moment,
            moment,
            before.transitions if mine or self._lease is None else before.transitions + 1,
        )

    def _pause(self, chance: float) -> float:
        return self.times.retry_period * (1 + self.times.jitter * chance)

    def _why_lost(self) -> str:
        if self.record.holder not in {"", self.identity}:
            return f"{self.record.holder} holds it"
        return f"it could not be renewed for {self.times.renew_deadline:.0f} s"
