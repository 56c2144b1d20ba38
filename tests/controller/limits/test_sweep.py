"""Records of limits go after their pods, whatever the API server answers meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from oomwarden.controller.limits.sweep import LimitSweep
from oomwarden.core.objects.passed_over import UnreadableObjects
from oomwarden.kube.transport.errors import error_of


class Records:
    """Three records; the pod of `gone` is gone. `failures` are raised by the next look."""

    def __init__(self, *failures: Exception) -> None:
        self.names, self.failures = ["a", "gone", "b"], list(failures)
        self.looks = 0

    async def all(self) -> AsyncIterator[dict[str, Any]]:
        for name in list(self.names):
            yield {"name": name}

    async def drop_if_gone(self, metadata: dict[str, Any]) -> bool:
        self.looks += 1
        if self.failures:
            raise self.failures.pop(0)
        if metadata["name"] != "gone":
            return False
        self.names.remove("gone")
        return True


async def swept(records: Records) -> None:
    async def sleep(_: float) -> None:
        await asyncio.sleep(0)

    task = asyncio.create_task(LimitSweep(records, UnreadableObjects(), sleep).run())
    for _ in range(30):
        await asyncio.sleep(0)
    task.cancel()


async def test_the_record_of_a_pod_that_is_gone_goes_and_the_others_stay() -> None:
    records = Records()
    await swept(records)
    assert records.names == ["a", "b"]


async def test_an_api_server_that_is_away_only_makes_it_later() -> None:
    records = Records(httpx2.ConnectError("away"))
    await swept(records)
    assert records.names == ["a", "b"]


async def test_one_record_that_may_not_be_deleted_or_read_keeps_no_other_one_waiting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    denied = {"code": 403, "reason": "Forbidden", "message": 'admission webhook "x" denied: no'}
    for failure in (error_of(denied), KeyError("uid")):
        records, odd = Records(failure), UnreadableObjects()
        sweep = LimitSweep(records, odd, lambda _: asyncio.sleep(0))
        await sweep.sweep()
        assert records.names == ["a", "b"]
        assert odd.message().startswith("one object is not wholly read: OOMLimit a: ")
        await sweep.sweep()
        assert odd.total == 0
    assert len(caplog.records) == 2
