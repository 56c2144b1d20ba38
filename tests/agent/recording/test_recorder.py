"""Detector and bookkeeper together: kills become rows of the outbox."""

import asyncio
import threading

import pytest
from oomwarden.core.ledger import settling
from oomwarden.core.ledger.settling import CLOSE_SECONDS, STILL_SECONDS

from tests.support.recorder_node import RecorderNode


async def test_a_group_kill_is_one_record_of_its_container(books: RecorderNode) -> None:
    pod = books.cgroups.pod(1, "33554432")
    app = books.cgroups.container(pod, "a", "33554432")
    books.add_pod(1, app="a")
    async with books.agent() as rows:
        books.cgroups.group_kill(app, 2, hit=pod)
        (row,) = await rows(1)
    assert row.kill["container"] == {"name": "app", "type": "App", "id": "a" * 64}
    assert (row.kill["cause"], row.kill["enforcedAt"], row.kill["limit"]) == (
        "ContainerLimit", "Pod", "32Mi",
    )  # fmt: skip
    assert (row.kill["kills"], row.kill["groupKill"]) == (1, True)
    assert (row.kill["evidence"]["from"], row.kill["evidence"]["to"]) == (0, 3)


async def test_a_container_that_appears_later_and_vanishes_immediately_is_still_recorded(
    books: RecorderNode,
) -> None:
    pod = books.cgroups.pod(1)
    books.cgroups.container(pod, "f")
    books.add_pod(1, app="a", side="b")
    async with books.agent() as rows:
        app = books.cgroups.container(pod, "a")
        books.cgroups.group_kill(app, hit=app)
        books.cgroups.remove(app)
        (row,) = await rows(1)
    assert row.kill["container"]["name"] == "app"
    assert row.kill["kills"] == 1


async def test_a_pod_that_the_api_server_has_not_listed_yet_waits(books: RecorderNode) -> None:
    app = books.cgroups.container(books.cgroups.pod(1), "a")
    async with books.agent() as rows:
        books.cgroups.group_kill(app)
        asyncio.get_running_loop().call_later(0.3, lambda: books.add_pod(1, app="a"))
        (row,) = await rows(1)
    assert row.kill["pod"]["name"] == "pod-1"


async def test_files_that_are_garbage_missing_or_newer_end_no_loop(books: RecorderNode) -> None:
    garbled = books.cgroups.container(books.cgroups.pod(1), "b")
    (books.cgroups.root / garbled / "memory.events").write_text("\0\xff oom_kill")
    (books.cgroups.root / garbled / "memory.max").write_text("lots")
    missing = books.cgroups.container(books.cgroups.pod(2), "c")
    (books.cgroups.root / missing / "memory.events").unlink()
    app = books.cgroups.container(books.cgroups.pod(3), "a")
    newer = books.cgroups.root / app / "memory.events"
    newer.write_text(newer.read_text() + "sock_throttled 7\nsomething new\n")
    books.add_pod(3, app="a")
    async with books.agent() as rows:
        books.cgroups.group_kill(app)
        (row,) = await rows(1)
    assert row.kill["container"]["name"] == "app"


async def test_two_pods_in_one_burst_are_two_records(books: RecorderNode) -> None:
    apps = [books.cgroups.container(books.cgroups.pod(n), "a") for n in (1, 2)]
    for number in (1, 2):
        books.add_pod(number, app="a")
    async with books.agent() as rows:
        for app in apps:
            books.cgroups.group_kill(app)
        found = await rows(2)
    assert sorted(row.kill["pod"]["name"] for row in found) == ["pod-1", "pod-2"]


@pytest.mark.parametrize("group", ["", "system.slice/web.service"])
async def test_a_group_kill_that_is_not_counted_as_one_yet_is_waited_for(
    books: RecorderNode, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "EMPTY_STILL_SECONDS", STILL_SECONDS)
    pod = books.cgroups.pod(1)
    app = books.cgroups.container(pod, "a")
    (books.cgroups.root / app / group).mkdir(parents=True, exist_ok=True)
    (books.cgroups.root / app / group / "memory.oom.group").write_text("1\n")
    levels = (app, *books.cgroups.above(app))
    books.add_pod(1, app="a")
    async with books.agent() as rows:
        books.cgroups.count(1, 0, *levels)
        await asyncio.sleep(CLOSE_SECONDS + STILL_SECONDS)
        books.cgroups.count(2, 1, *levels)
        (row,) = await rows(1)
    assert (row.kill["kills"], row.kill["groupKill"]) == (1, True)
    assert (row.kill["evidence"]["from"], row.kill["evidence"]["to"]) == (0, 2)


async def test_a_pod_that_was_read_before_its_container_is_read_again(books: RecorderNode) -> None:
    pod = books.cgroups.pod(1)
    app, side = (books.cgroups.container(pod, digit) for digit in "ab")
    books.add_pod(1, app="a", side="b")
    async with books.agent() as rows:
        books.cgroups.count(2, 1, app, side)
        books.cgroups.count(3, 1, *books.cgroups.above(app))
        await asyncio.sleep(CLOSE_SECONDS + STILL_SECONDS)
        books.cgroups.count(4, 2, *books.cgroups.above(app))
        found = await rows(2)
    ranges = [row.kill["evidence"] for row in found]
    assert [one["to"] - one["from"] for one in ranges] == [2, 2]
    assert {row.kill["container"]["name"] for row in found} == {"app", "side"}


async def test_what_a_group_kill_counts_last_is_its_own_however_late_it_is_read(
    books: RecorderNode,
) -> None:
    app = books.cgroups.container(books.cgroups.pod(1), "a")
    levels = (app, *books.cgroups.above(app))
    books.add_pod(1, app="a")
    go_on = threading.Event()

    def count_more_and_wait() -> None:
        books.cgroups.count(9, 1, *levels)
        go_on.wait(10)

    books.after_kills = count_more_and_wait
    async with books.agent() as rows:
        books.cgroups.count(3, 1, *levels)
        asyncio.get_running_loop().call_later(CLOSE_SECONDS, go_on.set)
        (row,) = await rows(1)
    assert (row.kill["evidence"]["from"], row.kill["evidence"]["to"]) == (0, 9)


async def test_the_second_count_of_a_group_kill_whose_container_is_gone_is_waited_for(
    books: RecorderNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "EMPTY_STILL_SECONDS", 2 * STILL_SECONDS)
    pods = [books.cgroups.pod(number) for number in (1, 2)]
    app, other = (books.cgroups.container(pod, "a") for pod in pods)
    for number in (1, 2):
        books.add_pod(number, app="a")
    go_on = threading.Event()

    def count_more_and_wait() -> None:
        books.after_kills = lambda: None
        books.cgroups.remove(app)
        books.cgroups.count(2, 1, pods[0])
        books.cgroups.count(4, 2, *books.cgroups.above(pods[0]))
        go_on.wait(10)

    async with books.agent() as rows:
        books.cgroups.count(2, 1, other, *books.cgroups.above(other))
        await rows(1)  # the kubelet of this node kills groups
        books.after_kills = count_more_and_wait
        books.cgroups.count(1, 0, app, pods[0])
        books.cgroups.count(3, 1, *books.cgroups.above(pods[0]))
        asyncio.get_running_loop().call_later(2 * CLOSE_SECONDS, go_on.set)
        *_, row = await rows(2)
    assert row.kill["groupKill"]
    assert (row.kill["evidence"]["from"], row.kill["evidence"]["to"]) == (0, 2)
