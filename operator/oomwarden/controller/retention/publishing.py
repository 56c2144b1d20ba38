"""Publish how close stored OOMKills are to their limits, so that agents write fewer.

The same ConfigMap names the objects that the operator cannot read, for administrators.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from oomwarden.core.log_line.keys import about
from oomwarden.core.quota.pressure import NAME, Pressure, PressureLevel
from oomwarden.core.quota.record_counts import PressureGauge, RecordCount, RecordCounts
from oomwarden.core.quota.retention import Bounds
from oomwarden.kube.transport.errors import API_ERRORS, WriteResult, classify_error, error_keys

RENEW_SECONDS = 300.0
"""Agents decide by themselves if nothing was renewed for three times as long."""
UNREADABLE_SECONDS = 60.0
"""Shortest time between two updates of the unreadable objects: every agent reads each update."""
_NAMED = 10
_LOG = logging.getLogger(__name__)


class PressureCalls(Protocol):
    """Required API calls; each may raise one of kube.transport.errors.API_ERRORS."""

    async def read(self) -> Pressure | None:
        """Read what was published last."""

    async def write(self, pressure: Pressure, passed_over: str = "") -> None:
        """Publish the pressure and the message about unreadable objects."""

    async def count_nodes(self) -> int:
        """Count the nodes that have an agent."""


@dataclass(slots=True, eq=False)
class PressurePublisher:
    """Keeps the gauge, and publishes it when it changes and every few minutes.

    Attributes:
        bounds: Which OOMKills are kept.
        calls: The API calls.
        unreadable: Returns the message about objects that the operator cannot read.
        clock: Returns wall-clock seconds.
        gauge: The current measurement.
    """

    bounds: Bounds
    calls: PressureCalls
    unreadable: Callable[[], str]
    clock: Callable[[], float] = time.time
    gauge: PressureGauge = field(init=False)
    _nodes: int = 1
    _written: Pressure | None = None
    _written_at: float = float("-inf")
    _written_unreadable: str = ""
    _failure: str = ""

    def __post_init__(self) -> None:
        self.gauge = PressureGauge(self.bounds)

    def record_counts(self, counts: RecordCounts) -> None:
        """Record a complete count by namespace."""
        self.gauge = self.gauge.with_counts(counts, self.clock())

    def record_total(self, total: RecordCount) -> None:
        """Record how many OOMKills there are in all namespaces."""
        self.gauge = self.gauge.with_total(total, self.clock())

    async def publish(self) -> None:
        """Write what has changed; a failed write is retried at the next call."""
        now, unreadable = self.clock(), self.unreadable()
        due = not 0 <= now - self._written_at < RENEW_SECONDS
        if not due and not self._has_changed(now, unreadable):
            return
        try:
            await self._resume(now)
            if due:
                self._nodes = await self.calls.count_nodes()
            pressure = self.gauge.pressure(self._nodes, now)
            await self.calls.write(pressure, unreadable)
        except API_ERRORS as error:
            self._log_failure(classify_error(error))
            return
        self._log_change(pressure)
        self._written, self._written_at = pressure, now
        self._written_unreadable, self._failure = unreadable, ""

    def _has_changed(self, now: float, unreadable: str) -> bool:
        if self.gauge.pressure(self._nodes, now) != self._written:
            return True
        may_update = now - self._written_at >= UNREADABLE_SECONDS
        return may_update and unreadable != self._written_unreadable

    async def _resume(self, now: float) -> None:
        """Before the first write, continue from what an earlier operator published."""
        if self._written is not None:
            return
        before = await self.calls.read()
        if before is not None:
            self.gauge = self.gauge.resumed(before, now)

    def _log_change(self, pressure: Pressure) -> None:
        before = self._written or Pressure()
        if (pressure.cluster, pressure.namespaces) == (before.cluster, before.namespaces):
            return
        if pressure.cluster is PressureLevel.CALM and not pressure.namespaces:
            _LOG.info("OOMKills are recorded at the usual rate again")
            return
        named = sorted(pressure.namespaces)[:_NAMED]
        _LOG.warning(
            "too many OOMKills: agents merge more kills into one OOMKill (level %d of %d for the "
            "cluster; %d namespaces have their own level: %s)",
            pressure.cluster,
            PressureLevel.FULL,
            len(pressure.namespaces),
            ", ".join(named) or "-",
            extra=about(kind="OOMKill", reason="TooMany"),
        )

    def _log_failure(self, failure: WriteResult) -> None:
        if failure.reason != self._failure:
            _LOG.warning(
                "ConfigMap %s could not be read or written: %s. Without it agents soon merge more "
                "kills into one OOMKill. If it was deleted, `helm upgrade` creates it again",
                NAME, failure.reason,
                extra=about(error_keys(failure), kind="ConfigMap", name=NAME),
            )  # fmt: skip
        self._failure = failure.reason
