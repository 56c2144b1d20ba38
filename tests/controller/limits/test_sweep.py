"""OOMLimits are deleted after their pods, whatever the API server answers meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from oomwarden.controller.limits.sweep import LimitSweep
from oomwarden.core.objects.unreadable import UnreadableObjects
from oomwarden.kube.http.failures import ConnectError
from oomwarden.kube.transport.errors import error_from_status


class Records:
    """Three records; the pod of `gone` does not exist. The next checks raise `failures`."""

    def __init__(self, *failures: Exception) -> None:
        self.names, self.failures = ["a", "gone", "b"], list(failures)
        self.checks = 0

    async def list_metadata(self) -> AsyncIterator[dict[str, Any]]:
        for name in list(self.names):
            yield {"name": name}

    async def delete_if_pod_gone(self, metadata: dict[str, Any]) -> bool:
        self.checks += 1
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


async def test_only_the_record_of_a_deleted_pod_is_deleted() -> None:
    records = Records()
    await swept(records)
    assert records.names == ["a", "b"]


async def test_an_unavailable_api_server_only_delays_the_sweep() -> None:
    records = Records(ConnectError("away"))
    await swept(records)
    assert records.names == ["a", "b"]


async def test_a_record_that_cannot_be_deleted_or_read_does_not_delay_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    denied = {"code": 403, "reason": "Forbidden", "message": 'admission webhook "x" denied: no'}
    for failure in (error_from_status(denied), KeyError("uid")):
        records, unreadable = Records(failure), UnreadableObjects()
        sweep = LimitSweep(records, unreadable, lambda _: asyncio.sleep(0))
        await sweep.sweep()
        assert records.names == ["a", "b"]
        assert unreadable.message().startswith(
            "one object is not completely readable: OOMLimit a: "
        )
        await sweep.sweep()
        assert unreadable.total == 0
    assert len(caplog.records) == 2
