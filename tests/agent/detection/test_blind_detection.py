"""Without inotify watches, detection is slower but never wrong."""

import asyncio
import errno
import math

import pytest
from oomwarden.agent.detection import cgroup_watches, detector
from oomwarden.kernel.inotify import Inotify

from tests.support.recorder_node import RecorderNode, logged
from tests.support.refusals import Refusals, answer_enodev, blindness, kill_and_end, soon


async def turn_ends(books: RecorderNode) -> None:
    """Wait until the detector ends a turn; polling, it takes the next one 0.2 s later."""
    assert books.detector is not None
    before = books.detector.progress
    await soon(lambda: books.detector is not None and books.detector.progress > before)


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> Refusals:
    answer_enodev(monkeypatch)
    refusals = Refusals()
    monkeypatch.setattr(Inotify, "add", refusals.add(Inotify.add))
    return refusals


async def test_without_a_watch_no_container_is_named_by_elimination(
    books: RecorderNode, watching: Refusals
) -> None:
    pod = books.cgroups.pod(1)
    innocent = books.cgroups.container(pod, "a")
    books.add_pod(1, innocent="a", guilty="b")
    async with books.agent() as rows:
        guilty = books.cgroups.container(pod, "b")
        kill_and_end(books.cgroups, guilty, innocent)
        (row,) = await rows(1)
    assert "name" not in row.kill["container"]
    assert row.kill["container"]["candidates"] == ["guilty", "innocent"]
    assert watching.on


async def test_missing_watches_are_counted_and_a_kill_that_the_log_places_is_named(
    books: RecorderNode, watching: Refusals
) -> None:
    watching.part = "kubepods"
    books.add_pod(1, app="a", other="b")
    async with books.agent() as rows:
        pod = books.cgroups.pod(1)
        app = books.cgroups.container(pod, "a")
        books.log = logged(app, 42, "12.000000")
        books.cgroups.group_kill(app, 1, hit=app)
        books.cgroups.remove(app)
        (row,) = await rows(1)
        assert row.kill["container"]["name"] == "app"
        assert blindness(books).watches >= 3
        assert blindness(books).watches_error == "No space left on device"


async def test_a_kill_that_was_recorded_before_its_pod_was_found_is_not_recorded_again(
    books: RecorderNode, watching: Refusals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detector, "RECONCILE_SECONDS", 1e9)
    watching.part = "kubepods"
    books.add_pod(1, app="a")
    async with books.agent() as rows:
        await soon(lambda: blindness(books).watches > 0)
        await turn_ends(books)
        assert books.detector is not None
        books.detector._blind_spots._due = math.inf  # never polls
        await turn_ends(books)
        pod = books.cgroups.pod(1)
        app = books.cgroups.container(pod, "a")
        books.log = logged(app, 42, "12.000000")
        books.cgroups.group_kill(app, 1, hit=app)
        (first,) = await rows(1)
        assert (first.kill["evidence"]["level"], first.kill["evidence"]["to"]) == ("QoS", 2)
        books.detector._blind_spots._due = 0.0
        known = books.detector._tree.nodes
        await soon(lambda: any(node.cgroup.path == app for node in known.values()))
        books.log += logged(app, 43, "22.000000")
        books.cgroups.group_kill(app, 1, hit=app)
        found = await rows(2)
    evidence = [row.kill["evidence"] for row in found if row.key != first.key]
    assert [(one["level"], one["from"], one["to"]) for one in evidence] == [("Pod", 2, 4)]


async def test_elimination_names_containers_again_once_the_watches_exist(
    books: RecorderNode, watching: Refusals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup_watches, "FIRST_RETRY_SECONDS", 0.01)
    pod = books.cgroups.pod(1)
    books.add_pod(1, app="a", other="b")
    async with books.agent() as rows:
        app = books.cgroups.container(pod, "a")
        await soon(lambda: blindness(books).watches > 0)
        watching.on = False
        await soon(lambda: blindness(books).watches == 0)
        books.cgroups.count(0, 0, "kubepods.slice")  # reports what was missed before
        await asyncio.sleep(0.3)
        kill_and_end(books.cgroups, app)
        (row,) = await rows(1)
    assert row.kill["container"]["name"] == "app"


async def test_without_an_inotify_instance_the_agent_starts_and_records(
    books: RecorderNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Inotify) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(Inotify, "open", refuse)
    books.add_pod(1, app="a")
    async with books.agent() as rows:
        pod = books.cgroups.pod(1)
        app = books.cgroups.container(pod, "a")
        books.cgroups.group_kill(app, 1, hit=app)
        (row,) = await rows(1)
    assert row.kill["container"]["name"] == "app"
