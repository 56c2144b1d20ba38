import asyncio
from pathlib import Path

import pytest
from oomwarden.agent.sole import sole


async def test_a_second_agent_waits_until_the_first_one_has_ended(tmp_path: Path) -> None:
    order: list[str] = []

    async def second() -> None:
        async with sole(tmp_path):
            order.append("second")

    async with sole(tmp_path):
        waiting = asyncio.create_task(second())
        await asyncio.wait({waiting}, timeout=0.3)
        order.append("first")
    await asyncio.wait_for(waiting, 5)
    assert order == ["first", "second"]


async def test_a_directory_that_cannot_be_written_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with sole(tmp_path / "absent"):
        assert "would not see each other" in caplog.text
