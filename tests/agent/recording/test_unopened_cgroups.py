"""Cgroups that cannot be opened for a while: what happens meanwhile is recorded once."""

import asyncio
import errno
import os

import pytest
from oomwarden.agent.recording import completeness
from oomwarden.kernel.cgroup import tree

from tests.support.recorder_node import RecorderNode, logged
from tests.support.refusals import Refusals, blindness, soon


@pytest.fixture
def opening(monkeypatch: pytest.MonkeyPatch) -> Refusals:
    refusals = Refusals()
    monkeypatch.setattr(tree, "open_node", refusals.open_node)
    return refusals


async def test_what_is_recorded_above_an_unopened_pod_is_not_recorded_again_at_the_pod(
    books: RecorderNode, opening: Refusals
) -> None:
    books.add_pod(1, app="a")
    async with books.agent() as rows:
        pod = books.cgroups.pod(1)
        app = books.cgroups.container(pod, "a")
        await soon(lambda: blindness(books).unopened == 1)
        assert blindness(books).examples == (pod,)
        books.log = logged(app, 42, "12.000000")
        books.cgroups.group_kill(app, 1, hit=app)
        (first,) = await rows(1)
        assert (first.kill["evidence"]["level"], first.kill["evidence"]["to"]) == ("QoS", 2)
        opening.on = False
        await soon(lambda: blindness(books).unopened == 0)
        books.log += logged(app, 43, "22.000000")
        books.cgroups.group_kill(app, 1, hit=app)
        both = await rows(2)
    (second,) = [row for row in both if row.key != first.key]
    evidence = second.kill["evidence"]
    assert (evidence["level"], evidence["from"], evidence["to"]) == ("Pod", 2, 4)
    assert second.kill["victims"][0]["pid"] == 43
    assert await books.count("unattributed") == 0


async def test_a_kill_that_the_log_does_not_place_waits_for_the_pod_to_be_opened(
    books: RecorderNode, opening: Refusals
) -> None:
    books.add_pod(1, app="a")
    async with books.agent() as rows:
        pod = books.cgroups.pod(1)
        app = books.cgroups.container(pod, "a")
        await soon(lambda: blindness(books).unopened == 1)
        books.cgroups.group_kill(app, 1, hit=app)
        await asyncio.sleep(1.5)
        opening.on = False
        (row,) = await rows(1)
    assert (row.kill["evidence"]["level"], row.kill["container"]["name"]) == ("Pod", "app")
    assert await books.count("unattributed") == 0


async def test_a_kill_that_cannot_be_attributed_is_counted_once(
    books: RecorderNode, opening: Refusals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completeness, "UNOPENED_SECONDS", 0.2)
    books.add_pod(1, app="a")
    async with books.agent() as rows:
        pod = books.cgroups.pod(1)
        app = books.cgroups.container(pod, "a")
        await soon(lambda: blindness(books).unopened == 1)
        books.cgroups.group_kill(app, 1, hit=app)
        await asyncio.sleep(2)
        opening.on = False
        await soon(lambda: blindness(books).unopened == 0)
        books.cgroups.group_kill(app, 1, hit=app)
        (row,) = await rows(1)
    assert row.kill["evidence"]["from"] == 2
    assert await books.count("unattributed") == 1


async def test_among_containers_of_which_one_is_unopened_none_is_named_by_elimination(
    books: RecorderNode, opening: Refusals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completeness, "UNOPENED_SECONDS", 0.2)
    opening.part = "b" * 64
    pod = books.cgroups.pod(1)
    innocent = books.cgroups.container(pod, "a")
    books.add_pod(1, innocent="a", guilty="b")
    async with books.agent() as rows:
        guilty = books.cgroups.container(pod, "b")
        await soon(lambda: blindness(books).unopened == 1)
        for level in (guilty, *books.cgroups.above(guilty)):
            if level == "kubepods.slice":
                books.cgroups.remove(innocent)
            books.cgroups.count(1, 0, level)
        (row,) = await rows(1)
    assert row.kill["container"]["candidates"] == ["guilty", "innocent"]


async def test_a_directory_that_cannot_be_listed_ends_nothing(
    books: RecorderNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    pod = books.cgroups.pod(1)
    books.add_pod(1, app="a")
    scandir, on = os.scandir, [True]

    def refuse(directory: int) -> object:
        if on:
            raise OSError(errno.EMFILE, "Too many open files")
        return scandir(directory)

    async with books.agent() as rows:
        monkeypatch.setattr(os, "scandir", refuse)
        app = books.cgroups.container(pod, "a")
        await soon(lambda: blindness(books).unopened > 0)
        on.clear()
        await soon(lambda: blindness(books).unopened == 0)
        books.cgroups.group_kill(app, 1, hit=app)
        (row,) = await rows(1)
    assert row.kill["container"]["name"] == "app"


async def test_containers_of_a_pod_that_could_not_be_opened_at_the_start_count_as_older(
    books: RecorderNode, opening: Refusals
) -> None:
    pod = books.cgroups.pod(1)
    books.cgroups.container(pod, "a")
    async with books.agent():
        assert books.inventory.partly_seen
        opening.on = False
        await soon(lambda: len(books.inventory.containers) == 1)
        (older,) = books.inventory.containers.values()
        assert older.existed
        await soon(lambda: not books.inventory.partly_seen)
        books.cgroups.container(pod, "b")
        await soon(lambda: len(books.inventory.containers) == 2)
    _, new = books.inventory.containers.values()
    assert not new.existed
