"""A Lease in memory, and electors whose clock moves only when someone sleeps."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from oomwarden.controller.leader_elector import ElectorEffects, LeaderElector
from oomwarden.core.leader_election.candidate import LeaseCandidate
from oomwarden.kube.http.failures import TransportError


class Ended(BaseException):
    """The process has ended."""


@dataclass
class Cluster:
    """A Lease, a clock that moves when someone sleeps, and what elector and watchdog did."""

    lease: dict[str, Any] | None = None
    name: str = "op"
    now: float = 1000.0
    away: bool = False
    watchdog: list[float | None] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    on_sleep: Callable[[float], None] = lambda _: None
    versions: Any = field(default_factory=lambda: count(1))

    async def read(self) -> dict[str, Any] | None:
        self._check()
        return self.lease

    async def create(self, lease: dict[str, Any]) -> dict[str, Any] | None:
        self._check()
        return None if self.lease else self._store(lease)

    async def replace(self, lease: dict[str, Any]) -> dict[str, Any] | None:
        self._check()
        if self.lease is None or lease["metadata"] != self.lease["metadata"]:
            return None
        return self._store(lease)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.on_sleep(self.now)
        await asyncio.sleep(0)

    def hold(self, holder: str) -> None:
        self._store({"spec": {"holderIdentity": holder, "leaseDurationSeconds": 15}})

    def elector(self, who: str) -> LeaderElector:
        def end() -> None:
            raise Ended

        effects = ElectorEffects(
            clock=lambda: self.now,
            wall=lambda: datetime.fromtimestamp(self.now, UTC),
            chance=lambda: 0.5,
            sleep=self.sleep,
            watchdog=self.watchdog.append,
            disarm=lambda: self.watchdog.append(None),
            end=end,
        )
        return LeaderElector(self, LeaseCandidate(who), effects)

    def holder(self) -> str:
        assert self.lease is not None
        return str(self.lease["spec"]["holderIdentity"])

    def _check(self) -> None:
        if self.away:
            raise TransportError("away")

    def _store(self, lease: dict[str, Any]) -> dict[str, Any]:
        self.lease = {**lease, "metadata": {"resourceVersion": str(next(self.versions))}}
        self.writes.append(self.holder())
        return self.lease
