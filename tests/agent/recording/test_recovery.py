"""What an agent finds when it starts: nothing is repeated, nothing missed."""

from oomwarden.core.ledger.rebuild import summarize_records

from tests.support.recorder_node import RecorderNode, logged


async def test_a_restart_repeats_nothing_and_finds_what_it_missed(books: RecorderNode) -> None:
    _, app = books.start_pod(1, app="a")
    await books.record_group_kill(app)
    books.cgroups.group_kill(app)
    books.cgroups.remove(app)
    async with books.agent() as rows:
        first, second = await rows(2)
    assert [row.kill["evidence"]["from"] for row in (first, second)] == [0, 2]
    assert second.kill["container"]["name"] == "app"
    assert "after" not in second.kill["time"]


async def test_kills_before_the_first_start_are_counted_not_recorded(books: RecorderNode) -> None:
    app = books.cgroups.container(books.cgroups.pod(1), "a")
    books.add_pod(1, app="a")
    books.cgroups.group_kill(app)
    async with books.agent() as rows:
        books.cgroups.group_kill(app)
        (row,) = await rows(1)
    assert (row.kill["evidence"]["from"], row.kill["evidence"]["to"]) == (2, 4)


async def test_a_pod_that_was_deleted_while_no_agent_ran_still_has_its_name(
    books: RecorderNode,
) -> None:
    pod, app = books.start_pod(1, app="a")
    await books.record_group_kill(app)
    books.cgroups.group_kill(app)
    books.log += logged(app, 101, "51.000000")
    books.cgroups.remove(pod)
    books.pods.clear()
    async with books.agent() as rows:
        _, second = await rows(2)
    assert second.kill["pod"]["name"] == "pod-1"
    assert second.kill["evidence"]["level"] == "QoS"


async def test_a_lost_store_is_rebuilt_from_what_the_api_server_keeps(books: RecorderNode) -> None:
    apps = [books.cgroups.container(books.cgroups.pod(number), "a") for number in (1, 2)]
    for number, app in enumerate(apps, 1):
        books.add_pod(number, app="a")
        books.cgroups.group_kill(app)
    async with books.agent() as rows:
        for app in apps:
            books.cgroups.group_kill(app)
        kills = [row.kill for row in await rows(2)]
    for app in apps:
        books.cgroups.group_kill(app)
    books.path.unlink()
    books.known = summarize_records(kills[:1], "boot", since=None)
    async with books.agent() as rows:
        (row,) = await rows(1)
        counted = await books.count("beforeStart")
    assert row.kill["pod"]["name"] == kills[0]["pod"]["name"]
    assert (row.kill["evidence"]["from"], row.kill["evidence"]["to"]) == (4, 6)
    assert counted == 2 + 6  # before the record; and of the pod without one


async def test_a_pod_younger_than_the_first_agent_has_all_its_unrecorded_kills_recorded(
    books: RecorderNode,
) -> None:
    app = books.cgroups.container(books.cgroups.pod(1), "a")
    books.add_pod(1, app="a")
    books.cgroups.group_kill(app)
    books.known = summarize_records([], "boot", since="2026-01-01T00:00:00Z")
    async with books.agent() as rows:
        (row,) = await rows(1)
    assert (row.kill["evidence"]["from"], row.kill["evidence"]["to"]) == (0, 2)


async def test_a_record_that_was_lost_with_the_store_is_restored_by_its_range(
    books: RecorderNode,
) -> None:
    app = books.cgroups.container(books.cgroups.pod(1), "a")
    books.add_pod(1, app="a")
    async with books.agent() as rows:
        for count in (1, 2, 3):
            books.cgroups.group_kill(app)
            kills = [row.kill for row in await rows(count)]
    books.path.unlink()
    books.known = summarize_records([kills[0], kills[2]], "boot", since=None)
    async with books.agent() as rows:
        (row,) = await rows(1)
    assert row.kill["metadata"]["name"] == kills[1]["metadata"]["name"]
    assert (row.kill["evidence"]["from"], row.kill["evidence"]["to"]) == (2, 4)


async def test_after_a_lost_store_the_log_names_pods_that_came_and_went_in_between(
    books: RecorderNode,
) -> None:
    app = books.cgroups.container(pod := books.cgroups.pod(1), "a")
    books.add_pod(1, app="a")
    books.cgroups.group_kill(app)
    books.log += logged(app, 101, "51.000000")
    books.cgroups.remove(pod)
    books.known = summarize_records([], "boot", since="2026-01-01T00:00:00Z")
    async with books.agent() as rows:
        (row,) = await rows(1)
        counted = await books.count("beforeStart")
    assert (row.kill["pod"]["name"], row.kill["container"]["name"]) == ("pod-1", "app")
    assert [victim["pid"] for victim in row.kill["victims"]] == [101]
    assert (row.kill["evidence"]["from"], row.kill["evidence"]["to"]) == (0, 2)
    assert counted == 0


async def test_after_a_lost_store_the_log_causes_no_second_record(books: RecorderNode) -> None:
    app = books.cgroups.container(pod := books.cgroups.pod(1), "a")
    books.add_pod(1, app="a")
    async with books.agent() as rows:
        books.cgroups.group_kill(app)
        books.log += logged(app, 101, "51.000000")
        kills = [row.kill for row in await rows(1)]
    books.path.unlink()
    books.cgroups.remove(pod)
    books.known = summarize_records(kills, "boot", since="2026-01-01T00:00:00Z")
    other = books.cgroups.container(books.cgroups.pod(2), "b")
    books.add_pod(2, app="b")
    async with books.agent() as rows:
        books.cgroups.group_kill(other)
        (row,) = await rows(1)
    assert row.kill["pod"]["name"] == "pod-2"
    assert await books.count("beforeStart") == 0


async def test_after_a_lost_store_a_later_kill_has_the_victim_after_the_last_recorded_one(
    books: RecorderNode,
) -> None:
    app = books.cgroups.container(books.cgroups.pod(1), "a")
    books.add_pod(1, app="a")
    async with books.agent() as rows:
        books.cgroups.group_kill(app)
        books.log += logged(app, 101, "51.000000")
        kills = [row.kill for row in await rows(1)]
    books.path.unlink()
    books.cgroups.group_kill(app)
    books.log += logged(app, 102, "52.000000")
    books.known = summarize_records(kills, "boot", since="2026-01-01T00:00:00Z")
    async with books.agent() as rows:
        (row,) = await rows(1)
    assert [victim["pid"] for victim in row.kill["victims"]] == [102]
    assert row.kill["cause"] == "Unknown"  # how much of `oom` was recorded before is not known


async def test_an_agent_that_ends_before_the_api_server_answers_leaves_a_new_store(
    books: RecorderNode,
) -> None:
    """Else the next one would record all that the kernel has ever counted as new."""
    app = books.cgroups.container(books.cgroups.pod(1), "a")
    books.add_pod(1, app="a")
    books.cgroups.group_kill(app)
    books.away = True
    async with books.agent():
        books.away = False
    async with books.agent() as rows:
        books.cgroups.group_kill(app)
        (row,) = await rows(1)
    assert (row.kill["evidence"]["from"], row.kill["evidence"]["to"]) == (2, 4)
    assert await books.count("beforeStart") == 2
