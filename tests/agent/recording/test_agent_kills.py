"""An agent that is OOM-killed, also while it starts: its successor records the kill."""

import asyncio
import json
from pathlib import Path

from oomwarden.agent.recording import agent_kills
from oomwarden.agent.runtime.identity import FILE
from oomwarden.core.incidents.agent_kills import AgentKills

from tests.support.fake_cgroups import UID
from tests.support.recorder_node import RecorderNode, logged
from tests.support.stores import store_at

MIB = 1 << 20


def introduce(books: RecorderNode, tmp_path: Path, number: int) -> None:
    pod = {
        "uid": UID.format(number), "name": "oomwarden-agent-x2x4z", "namespace": "oomwarden",
        "limit": 30 * MIB, "started": 1.0,
    }  # fmt: skip
    (tmp_path / FILE).write_text(json.dumps({"boot": "boot", "pods": [pod]}))
    books.agents = agent_kills.agent_pods(tmp_path, "boot")


async def kept(books: RecorderNode) -> AgentKills:
    store = store_at(books.path)
    await store.open()
    try:
        return await store.run(agent_kills.load)
    finally:
        await store.close()


async def test_its_successor_names_it_although_its_pod_is_gone(
    books: RecorderNode, tmp_path: Path
) -> None:
    async with books.agent():
        pass
    pod = books.cgroups.pod(1)
    app = books.cgroups.container(pod, "a")
    for pid in (101, 102, 103):
        books.cgroups.group_kill(app)
        books.log += logged(app, pid, f"{pid}.000000")
    books.cgroups.remove(pod)
    introduce(books, tmp_path, 1)
    async with books.agent() as rows:
        (row,) = await rows(1)
    assert (row.kill["metadata"]["namespace"], row.kill["container"]["name"]) == (
        "oomwarden", "agent"
    )  # fmt: skip
    assert row.kill["pod"]["owner"] == {"kind": "DaemonSet", "name": "oomwarden-agent"}
    assert row.kill["kills"] == 3
    assert row.event is not None
    assert "raise agent.resources.limits.memory" in row.event["note"]
    assert (await kept(books)).kills == 3
    assert await books.count("unattributed") == 0


async def test_kills_before_its_store_was_there_are_recorded_too(
    books: RecorderNode, tmp_path: Path
) -> None:
    app = books.cgroups.container(books.cgroups.pod(1), "a")
    books.add_pod(1, agent="a")
    books.cgroups.group_kill(app)
    introduce(books, tmp_path, 1)
    async with books.agent() as rows:
        (row,) = await rows(1)
    assert (row.kill["evidence"]["from"], row.kill["evidence"]["to"]) == (0, 2)
    assert await books.count("beforeStart") == 0


async def test_kills_of_other_pods_are_not_its_own(books: RecorderNode, tmp_path: Path) -> None:
    introduce(books, tmp_path, 1)
    app = books.cgroups.container(books.cgroups.pod(2), "a")
    books.add_pod(2, app="a")
    await books.record_group_kill(app)
    assert await kept(books) == AgentKills()


async def test_a_group_kill_that_cannot_be_attributed_is_counted_once(
    books: RecorderNode,
) -> None:
    async with books.agent():
        pass
    pod = books.cgroups.pod(1)
    books.cgroups.group_kill(books.cgroups.container(pod, "a"), victims=5)
    books.cgroups.remove(pod)
    async with books.agent(), asyncio.timeout(10):
        while not (found := await books.count("unattributed")):  # noqa: ASYNC110 - on disk
            await asyncio.sleep(0.05)
    assert found == 1
