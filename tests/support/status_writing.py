"""A writer of OOMNodes in virtual time, and an API server that may refuse what it writes."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from oomwarden.agent.reporting.status_writer import NodeStatusWriter
from oomwarden.agent.runtime.signal import Signal
from oomwarden.api.node.memory import MemoryInfo
from oomwarden.api.node.memory_outlook import NearMissSummary
from oomwarden.api.oomnode import AgentInfo, KernelInfo, KillCounts, OOMNodeStatus
from oomwarden.kube.transport.errors import ApiError

AT = "2026-01-02T03:04:05Z"
GAP = 10.0


@dataclass
class Clock:
    """Virtual time: whoever sleeps moves it on; `news` come at their times."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


class EndError(BaseException):
    """The test has seen enough."""


@dataclass
class World:
    """A writer whose API server answers with `errors` first; ends after `most` tries."""

    clock: Clock
    most: int
    nodes: int = 1
    boot: str = "b"
    kills: int = 0
    near_misses: NearMissSummary = field(default_factory=NearMissSummary)
    memory: MemoryInfo = field(default_factory=MemoryInfo)
    errors: list[ApiError] = field(default_factory=list)
    tried: list[float] = field(default_factory=list)
    looks: Callable[["World"], None] = lambda _: None
    glanced: str = ""
    changed: Signal = field(default_factory=Signal)
    writer: NodeStatusWriter = field(init=False)

    def __post_init__(self) -> None:
        self.writer = NodeStatusWriter(
            self.gather, self.write, self.changed, GAP, lambda: self.nodes, lambda: self.glanced
        )

    async def gather(self) -> OOMNodeStatus:
        self.looks(self)
        agent = AgentInfo(version="1", store_id="s", started=AT, heartbeat=AT)
        kernel = KernelInfo(release="6.1", boot_id=self.boot, cgroup_driver="systemd")
        kills = KillCounts(recorded=self.kills)
        return OOMNodeStatus(
            agent=agent,
            kernel=kernel,
            kills=kills,
            memory=self.memory,
            near_misses=self.near_misses,
        )

    async def write(self, _: OOMNodeStatus) -> None:
        self.tried.append(self.clock.now)
        if len(self.tried) == self.most:
            raise EndError
        if self.errors:
            raise self.errors.pop(0)

    async def run(self) -> list[float]:
        with pytest.raises(EndError):
            await self.writer.run()
        first = self.tried[0]
        return [at - first for at in self.tried]


def virtual_time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Jitter is left out: each draws the upper end."""
    clock = Clock()
    monkeypatch.setattr(asyncio, "sleep", clock.sleep)
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    monkeypatch.setattr(random, "uniform", lambda _, high: high)
    return clock
