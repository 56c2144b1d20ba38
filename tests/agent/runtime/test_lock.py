import asyncio
from pathlib import Path

import pytest
from oomwarden.agent.runtime import lock
from oomwarden.agent.runtime.lock import Readiness, node_lock


async def test_a_second_agent_waits_until_the_first_one_has_ended(tmp_path: Path) -> None:
    order: list[str] = []

    async def second() -> None:
        async with node_lock(tmp_path, Readiness()):
            order.append("second")

    async with node_lock(tmp_path, Readiness()):
        waiting = asyncio.create_task(second())
        await asyncio.wait({waiting}, timeout=0.3)
        order.append("first")
    await asyncio.wait_for(waiting, 5)
    assert order == ["first", "second"]


async def test_a_waiting_agent_repeats_why_and_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "RETRY_SECONDS", 0.001)
    monkeypatch.setattr(lock, "WARN_EVERY_SECONDS", 0.002)
    monkeypatch.setattr(lock, "PREDECESSOR_SECONDS", 0.01)
    readiness = Readiness()

    async def second() -> None:
        async with node_lock(tmp_path, readiness):
            assert readiness.waiting_for() == ""

    async with node_lock(tmp_path, Readiness()):
        waiting = asyncio.create_task(second())
        await asyncio.wait({waiting}, timeout=0.2)
        assert len(caplog.records) > 2
        assert "another release: uninstall one of them" in readiness.waiting_for()
    await asyncio.wait_for(waiting, 5)
    assert {record.getMessage() for record in caplog.records} == {caplog.records[0].getMessage()}


async def test_an_agent_that_waits_for_its_predecessor_is_ready_so_that_the_update_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    readiness = Readiness()

    async def second() -> None:
        async with node_lock(tmp_path, readiness):
            pass

    async with node_lock(tmp_path, Readiness()):
        waiting = asyncio.create_task(second())
        await asyncio.wait({waiting}, timeout=0.2)
        assert "waiting for another agent" in caplog.text
        assert readiness.waiting_for() == ""
    await asyncio.wait_for(waiting, 5)


async def test_a_directory_that_cannot_be_locked_does_not_stop_the_agent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with node_lock(tmp_path / "absent", Readiness()):
        assert "a second agent could run" in caplog.text
