"""Publishes how full the API server is of OOMKills, so that agents write less while it is.

Beside it stands which objects the operator passes over, for people.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from oomwarden.core.quota.census import Census, Count, Gauge
from oomwarden.core.quota.pressure import NAME, Pressure, PressureLevel
from oomwarden.core.quota.retention import Bounds
from oomwarden.kube.transport.errors import API_ERRORS, failure

RENEW_SECONDS = 300.0
"""Agents go by themselves when nothing was renewed for three times as long."""
REMARK_SECONDS = 60.0
"""Between two words on objects that are passed over: each agent reads what is written."""
_NAMED = 10
_LOG = logging.getLogger(__name__)


class Published(Protocol):
    """The calls that are needed; each may raise one of kube.errors.API_ERRORS."""

    async def read(self) -> Pressure | None:
        """Read what was published last."""

    async def write(self, pressure: Pressure, passed_over: str = "") -> None:
        """Publish both."""

    async def nodes(self) -> int:
        """Count the nodes that have an agent."""


@dataclass(slots=True, eq=False)
class Publisher:
    """Keeps the gauge and writes it down on change, and every few minutes anyway.

    `clock` gives wall-clock seconds. `passed_over` says which objects the operator passes over.
    """

    bounds: Bounds
    board: Published
    clock: Callable[[], float] = time.time
    passed_over: Callable[[], str] = lambda: ""
    gauge: Gauge = field(init=False)
    _nodes: int = 1
    _written: Pressure | None = None
    _at: float = float("-inf")
    _remark: str = ""
    _failed: str = ""

    def __post_init__(self) -> None:
        self.gauge = Gauge(self.bounds)

    def looked(self, census: Census) -> None:
        """Take a whole count in."""
        self.gauge = self.gauge.looked(census, self.clock())

    def counted(self, total: Count) -> None:
        """Take in how many there are in all."""
        self.gauge = self.gauge.counted(total, self.clock())

    async def publish(self) -> None:
        """Write what changed; what the API server does not take is tried again at the next call."""
        now = self.clock()
        due, remark = not 0 <= now - self._at < RENEW_SECONDS, self.passed_over()
        news = remark != self._remark and now - self._at >= REMARK_SECONDS
        if self.gauge.pressure(self._nodes, now) == self._written and not (due or news):
            return
        try:
            await self._resume(now)
            if due:
                self._nodes = await self.board.nodes()
            pressure = self.gauge.pressure(self._nodes, now)
            await self.board.write(pressure, remark)
        except API_ERRORS as error:
            self._tell_failed(failure(error).reason)
            return
        self._tell_pressure(pressure)
        self._written, self._at, self._remark, self._failed = pressure, now, remark, ""

    async def _resume(self, now: float) -> None:
        """Before the first time, let what an earlier operator published hold on."""
        if self._written is not None:
            return
        before = await self.board.read()
        if before is not None:
            self.gauge = self.gauge.resumed(before, now)

    def _tell_pressure(self, pressure: Pressure) -> None:
        before = self._written or Pressure()
        if (pressure.cluster, pressure.namespaces) == (before.cluster, before.namespaces):
            return
        if pressure.cluster is PressureLevel.CALM and not pressure.namespaces:
            _LOG.info("OOMKills are recorded as usual again")
            return
        named = sorted(pressure.namespaces)[:_NAMED]
        _LOG.warning(
            "too many OOMKills: agents merge them harder (level %d of %d for the cluster, %d "
            "namespaces of their own: %s)",
            pressure.cluster,
            PressureLevel.FULL,
            len(pressure.namespaces),
            ", ".join(named) or "-",
        )

    def _tell_failed(self, reason: str) -> None:
        if reason != self._failed:
            _LOG.warning(
                "ConfigMap %s could not be read or written, so agents merge records harder by "
                "themselves after a while; the chart makes it, so `helm upgrade` brings it back: "
                "%s", NAME, reason,
            )  # fmt: skip
        self._failed = reason
