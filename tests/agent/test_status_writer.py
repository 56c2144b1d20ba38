"""How often an OOMNode is written is a setting."""

import asyncio
from itertools import count

import pytest
from oomwarden.agent import status
from oomwarden.agent.status import StatusWriter
from oomwarden.api.oomnode import AgentInfo, KernelInfo, OOMNodeStatus

AT = "2026-01-02T03:04:05Z"


async def test_changes_are_written_with_the_gap_that_is_set_between_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(status, "GATHER_SECONDS", 0)
    boots, written, done = count(), [], asyncio.Event()

    async def gather() -> OOMNodeStatus:
        agent = AgentInfo(version="1", store_id="s", started=AT, heartbeat=AT)
        kernel = KernelInfo(release="6.1", boot_id=str(next(boots)), cgroup_driver="systemd")
        return OOMNodeStatus(agent=agent, kernel=kernel)

    async def write(changed: OOMNodeStatus) -> None:
        written.append(changed.kernel.boot_id)
        if len(written) == 3:
            done.set()

    running = asyncio.create_task(StatusWriter(gather, write, gap=0.01).run())
    async with asyncio.timeout(5):
        await done.wait()
    running.cancel()
    assert written == ["0", "1", "2"]
