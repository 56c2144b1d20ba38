import asyncio
from pathlib import Path

import pytest
from oomwarden.agent.runtime import lock
from oomwarden.agent.runtime.lock import Waits, node_lock


async def test_a_second_agent_waits_until_the_first_one_has_ended(tmp_path: Path) -> None:
    order: list[str] = []

    async def second() -> None:
        async with node_lock(tmp_path, Waits()):
            order.append("second")

    async with node_lock(tmp_path, Waits()):
        waiting = asyncio.create_task(second())
        await asyncio.wait({waiting}, timeout=0.3)
        order.append("first")
    await asyncio.wait_for(waiting, 5)
    assert order == ["first", "second"]


async def test_an_agent_that_waits_logs_it_again_and_again_with_the_remedy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "ASK_AGAIN_SECONDS", 0.001)
    monkeypatch.setattr(lock, "TELL_AGAIN_SECONDS", 0.002)
    monkeypatch.setattr(lock, "PREDECESSOR_SECONDS", 0.01)
    waits = Waits()

    async def second() -> None:
        async with node_lock(tmp_path, waits):
            assert waits.said() == ""

    async with node_lock(tmp_path, Waits()):
        waiting = asyncio.create_task(second())
        await asyncio.wait({waiting}, timeout=0.2)
        assert len(caplog.records) > 2
        assert "another release: uninstall one of them" in waits.said()
    await asyncio.wait_for(waiting, 5)
    assert {record.getMessage() for record in caplog.records} == {caplog.records[0].getMessage()}


async def test_an_agent_that_waits_for_its_predecessor_is_ready_or_that_one_would_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    waits = Waits()

    async def second() -> None:
        async with node_lock(tmp_path, waits):
            pass

    async with node_lock(tmp_path, Waits()):
        waiting = asyncio.create_task(second())
        await asyncio.wait({waiting}, timeout=0.2)
        assert "waiting for another agent" in caplog.text
        assert waits.said() == ""
    await asyncio.wait_for(waiting, 5)


async def test_a_directory_that_cannot_be_written_stops_no_agent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with node_lock(tmp_path / "absent", Waits()):
        assert "would not see each other" in caplog.text
