"""Detector and bookkeeper together: kills become rows of the outbox."""

import asyncio

from books_node import Node


async def test_a_group_kill_is_one_record_of_its_container(node: Node) -> None:
    pod = node.cgroups.pod(1, "33554432")
    app = node.cgroups.container(pod, "a", "33554432")
    node.know(1, app="a")
    async with node.agent() as rows:
        node.cgroups.group_kill(app, 2, hit=pod)
        (row,) = await rows(1)
    assert row.kill["container"] == {"name": "app", "type": "App", "id": "a" * 64}
    assert (row.kill["cause"], row.kill["enforcedAt"], row.kill["limit"]) == (
        "ContainerLimit", "Pod", "32Mi",
    )  # fmt: skip
    assert (row.kill["kills"], row.kill["groupKill"]) == (1, True)
    assert (row.kill["evidence"]["from"], row.kill["evidence"]["to"]) == (0, 3)


async def test_a_container_that_appears_later_and_vanishes_at_once_is_still_told(
    node: Node,
) -> None:
    pod = node.cgroups.pod(1)
    node.cgroups.container(pod, "f")
    node.know(1, app="a", side="b")
    async with node.agent() as rows:
        app = node.cgroups.container(pod, "a")
        node.cgroups.group_kill(app, hit=app)
        node.cgroups.remove(app)
        (row,) = await rows(1)
    assert row.kill["container"]["name"] == "app"
    assert row.kill["kills"] == 1


async def test_a_pod_the_api_server_has_not_told_yet_waits(node: Node) -> None:
    app = node.cgroups.container(node.cgroups.pod(1), "a")
    async with node.agent() as rows:
        node.cgroups.group_kill(app)
        asyncio.get_running_loop().call_later(0.3, lambda: node.know(1, app="a"))
        (row,) = await rows(1)
    assert row.kill["pod"]["name"] == "pod-1"


async def test_files_that_are_garbage_missing_or_newer_end_no_loop(node: Node) -> None:
    garbled = node.cgroups.container(node.cgroups.pod(1), "b")
    (node.cgroups.root / garbled / "memory.events").write_text("\0\xff oom_kill")
    (node.cgroups.root / garbled / "memory.max").write_text("lots")
    missing = node.cgroups.container(node.cgroups.pod(2), "c")
    (node.cgroups.root / missing / "memory.events").unlink()
    app = node.cgroups.container(node.cgroups.pod(3), "a")
    newer = node.cgroups.root / app / "memory.events"
    newer.write_text(newer.read_text() + "sock_throttled 7\nsomething new\n")
    node.know(3, app="a")
    async with node.agent() as rows:
        node.cgroups.group_kill(app)
        (row,) = await rows(1)
    assert row.kill["container"]["name"] == "app"


async def test_two_pods_in_one_burst_are_two_records(node: Node) -> None:
    apps = [node.cgroups.container(node.cgroups.pod(n), "a") for n in (1, 2)]
    for number in (1, 2):
        node.know(number, app="a")
    async with node.agent() as rows:
        for app in apps:
            node.cgroups.group_kill(app)
        found = await rows(2)
    assert sorted(row.kill["pod"]["name"] for row in found) == ["pod-1", "pod-2"]
