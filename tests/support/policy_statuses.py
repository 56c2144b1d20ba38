"""A writer of statuses with its sources, and an API server that records what is written."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import pytest
from oomwarden.api.policy import PolicyStatus
from oomwarden.controller.policies import statuses
from oomwarden.controller.policies.node_reports import NodeReports
from oomwarden.controller.policies.oompolicy_cache import OOMPolicyCache, PolicyState
from oomwarden.controller.policies.policy_queue import PolicyQueue
from oomwarden.controller.policies.statuses import PolicyStatusWriter, StatusSources
from oomwarden.core.fleet import write_pace
from oomwarden.core.objects.unreadable import UnreadableObjects
from oomwarden.core.policy.policy import PolicyKey

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
DB = PolicyKey("OOMPolicy", "shop", "db")
WEB = PolicyKey("ClusterOOMPolicy", "", "web")


def node_status(*keys: PolicyKey, enforced: int = 1, age: float = 60) -> dict[str, Any]:
    heartbeat = (NOW - timedelta(seconds=age)).isoformat()
    agent = {"version": "1", "storeID": "s", "started": heartbeat, "heartbeat": heartbeat}
    kernel = {"release": "6.1", "bootID": "b", "cgroupDriver": "systemd"}
    counts = {"observedGeneration": 1, "matched": 1, "enforced": enforced}
    policies = [key._asdict() | counts for key in keys]
    return {"agent": agent, "kernel": kernel, "policies": policies}


def manifest(name: str, status: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": status}


class World:
    """A writer with its sources, and an API server that records what is written."""

    def __init__(self) -> None:
        self.written: list[tuple[PolicyKey, PolicyStatus]] = []
        self.failures: list[Exception] = []
        self.queue, self.unreadable = PolicyQueue(), UnreadableObjects()
        self.reports = NodeReports(self.queue.add, lambda *_: None, self.unreadable)
        self.policies = OOMPolicyCache(self.queue.add)
        self.cluster: dict[PolicyKey, Any] = {}
        sources = StatusSources(self.reports, self.policies, self.cluster, lambda _: ())
        self.writer = PolicyStatusWriter(
            self.write, self.queue, sources, self.unreadable, lambda: NOW
        )
        self.reports.replace([])

    async def write(self, key: PolicyKey, status: PolicyStatus) -> None:
        if self.failures:
            raise self.failures.pop()
        self.written.append((key, status))
        self.policy(key, status=status)

    def policy(
        self, key: PolicyKey, generation: int = 1, status: PolicyStatus | None = None
    ) -> None:
        known = PolicyState(generation, status or PolicyStatus())
        if key.namespace:
            self.policies.policies[key] = known
        else:
            self.cluster[key] = [known]
        self.queue.add([key])

    def node(self, name: str, status: dict[str, Any]) -> None:
        self.reports.apply(manifest(name, status))

    @contextmanager
    def running(self) -> Iterator[None]:
        task = asyncio.create_task(self.writer.run())
        yield
        assert not task.done(), "it runs until cancelled"
        task.cancel()

    async def idle(self) -> None:
        """Let the loop run for a few turns: its intervals are 0 in tests."""
        for _ in range(20):
            await asyncio.sleep(0)


def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set all intervals of the writer to 0."""
    monkeypatch.setattr(statuses, "DEBOUNCE_SECONDS", 0)
    monkeypatch.setattr(statuses, "RETRY_SECONDS", 0)
    monkeypatch.setattr(statuses, "PER_SECOND", inf)
    monkeypatch.setattr(write_pace, "INTERVAL_SECONDS", 0)
