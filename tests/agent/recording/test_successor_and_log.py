"""What a successor uses of the kernel log: lines of kills without a record, each once."""

import asyncio
import time

from tests.support.recorder_node import RecorderNode, logged


async def test_pods_that_came_and_went_while_no_agent_ran_are_recorded_from_the_log(
    books: RecorderNode,
) -> None:
    async with books.agent():
        pass
    for number in (1, 2):
        pod = books.cgroups.pod(number)
        app = books.cgroups.container(pod, "a")
        books.add_pod(number, app="a", side="b")
        books.cgroups.group_kill(app)
        books.cgroups.remove(pod)
        books.log += logged(app, 100 + number, f"5{number}.000000")
    async with books.agent() as rows:
        found = await rows(2)
    kills = {row.kill["pod"]["name"]: row.kill for row in found}
    assert sorted(kills) == ["pod-1", "pod-2"]
    assert {kill["container"]["name"] for kill in kills.values()} == {"app"}
    assert {kill["evidence"]["level"] for kill in kills.values()} == {"QoS"}
    assert [kills[name]["victims"][0]["pid"] for name in sorted(kills)] == [101, 102]


async def test_lines_that_were_used_before_a_restart_are_not_used_again(
    books: RecorderNode,
) -> None:
    _, app = books.start_pod(1, app="a")
    async with books.agent() as rows:
        books.log += logged(app, 101, "51.000000")
        books.cgroups.group_kill(app)
        await rows(1)
    books.log += logged(app, 102, "52.000000")
    books.cgroups.group_kill(app)
    async with books.agent() as rows:
        first, second = await rows(2)
    assert [victim["pid"] for victim in first.kill["victims"]] == [101]
    assert [victim["pid"] for victim in second.kill["victims"]] == [102]


async def test_lines_of_kills_that_were_recorded_without_the_log_mislead_no_later_record(
    books: RecorderNode,
) -> None:
    _, app = books.start_pod(1, app="a")
    await books.record_group_kill(app)
    books.log += logged(app, 101, "51.000000")
    gone, other = books.start_pod(2, app="b", side="c")
    books.cgroups.group_kill(other)
    books.cgroups.remove(gone)
    books.log += logged(other, 102, "52.000000")
    async with books.agent() as rows:
        (_, second) = await rows(2)
    assert second.kill["pod"]["name"] == "pod-2"
    assert [victim["pid"] for victim in second.kill["victims"]] == [102]


async def test_a_kill_recorded_without_access_to_the_log_is_not_recorded_again_from_it(
    books: RecorderNode,
) -> None:
    pod, app = books.start_pod(1, app="a")
    gone, other = books.start_pod(2, app="b")
    books.log_readable = False
    async with books.agent() as rows:
        books.cgroups.group_kill(app)
        books.log += logged(app, 101, f"{time.monotonic():.6f}")
        await rows(1)
    books.cgroups.remove(pod)
    books.cgroups.group_kill(other)
    books.log += logged(other, 102, f"{time.monotonic():.6f}")
    books.cgroups.remove(gone)
    books.log_readable = True
    async with books.agent() as rows:
        kills = [row.kill for row in await rows(2)]
    assert [kill["pod"]["name"] for kill in kills] == ["pod-1", "pod-2"]
    assert [victim["pid"] for victim in kills[1]["victims"]] == [102]


async def test_a_pod_that_went_unread_waits_for_the_log_and_for_its_name(
    books: RecorderNode,
) -> None:
    async with books.agent() as rows:
        pod = books.cgroups.pod(1)
        app = books.cgroups.container(pod, "a")
        books.log += logged(app, 101, "51.000000")
        books.cgroups.group_kill(app)
        books.cgroups.remove(pod)
        asyncio.get_running_loop().call_later(0.4, lambda: books.add_pod(1, app="a", side="b"))
        (row,) = await rows(1)
    assert (row.kill["pod"]["name"], row.kill["container"]["name"]) == ("pod-1", "app")
