"""Fakes of the API calls of retention and of the pressure publisher."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from oomwarden.controller.retention.publishing import PressurePublisher
from oomwarden.controller.retention.retention import Retention
from oomwarden.core.quota.pressure import Pressure
from oomwarden.core.quota.retention import Bounds, StoredRecord
from oomwarden.kube.http.failures import ConnectError
from oomwarden.kube.oomkill_pages import DeletionRefusedError, RecordPage

NOW = 1_800_000_000.0
HOUR = 3600.0


def record(number: int, hours: float, namespace: str = "shop", pod: str = "a") -> StoredRecord:
    name = f"{pod}-{number}"
    return StoredRecord(NOW - hours * HOUR, name, namespace, f"uid-{namespace}-{name}", pod)


@dataclass
class FakeBoard:
    """Records what is published; writes raise the errors in `fails` first."""

    published: list[Pressure] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    before: Pressure | None = None
    fails: list[Exception] = field(default_factory=list)

    async def read(self) -> Pressure | None:
        return self.before

    async def write(self, pressure: Pressure, passed_over: str = "") -> None:
        if self.fails:
            raise self.fails.pop()
        self.published.append(pressure)
        self.unreadable.append(passed_over)

    async def count_nodes(self) -> int:
        return 7


REFUSED = DeletionRefusedError(
    '403 Forbidden: admission webhook "keep.example.com" denied the request'
)
AWAY = ConnectError("connection refused")


@dataclass
class FakeStore:
    """Serves pages of two records; `when_listed` and `when_deleted` may raise."""

    records: list[StoredRecord]
    deleted: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    when_listed: Callable[[str], None] = lambda _: None
    when_deleted: Callable[[StoredRecord], None] = lambda _: None

    async def page(self, token: str) -> RecordPage:
        self.tokens.append(token)
        self.when_listed(token)
        start = int(token or 0)
        rest = len(self.records) > start + 2
        return RecordPage(self.records[start : start + 2], NOW, str(start + 2) if rest else "")

    async def delete(self, record: StoredRecord) -> bool:
        self.when_deleted(record)
        found = record in self.records
        self.deleted.append(record.name)
        return found

    async def count(self) -> int:
        return len(self.records)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


FIVE = [record(number, hours=10 - number) for number in range(5)]
KEEP_TWO = Bounds(days=0, per_pod=2, per_namespace=0, per_cluster=0)


def retention(
    store: FakeStore, bounds: Bounds = KEEP_TWO, board: FakeBoard | None = None
) -> Retention:
    publisher = PressurePublisher(bounds, board or FakeBoard(), lambda: "", lambda: NOW)
    return Retention(bounds, store, publisher, store.sleep)
