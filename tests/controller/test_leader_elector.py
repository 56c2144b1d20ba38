"""Only the holder of the Lease works: it renews, releases, and ends at once when it is lost."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from oomwarden.controller.leader_elector import LeaderElector, identity
from oomwarden.controller.stopping import stop_signal, unless
from oomwarden.core.leader_election.candidate import ElectionTimes, LeaseCandidate

from tests.support.lease_cluster import Cluster, Ended


async def acquired(cluster: Cluster, who: str = "a") -> LeaderElector:
    elector = cluster.elector(who)
    await elector.acquire()
    return elector


async def kept(elector: LeaderElector, done: Callable[[], bool]) -> None:
    """Keep the Lease until a condition holds."""
    task = asyncio.create_task(elector.keep())
    while not done() and not task.done():  # noqa: ASYNC110 - the clock is virtual
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_the_first_operator_leads_at_once_and_renews_every_two_seconds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    cluster = Cluster()
    elector = await acquired(cluster)
    assert cluster.now == 1000
    assert elector.leads()
    await kept(elector, lambda: cluster.now >= 1060)
    assert 29 <= len(cluster.writes) <= 31
    assert "Lease op is acquired: this operator works now" in caplog.text


async def test_a_standby_waits_until_the_holder_is_silent_for_15_seconds() -> None:
    cluster = Cluster()
    cluster.hold("b")
    elector = await acquired(cluster)
    assert cluster.now == 1015
    assert cluster.writes == ["b", "a"]
    assert elector.leads()


async def test_a_standby_is_ready_once_it_could_read_the_lease() -> None:
    cluster = Cluster(away=True)
    elector = cluster.elector("a")
    assert elector.waits_for() == "Lease op could not be read yet"

    def come_back(now: float) -> None:
        assert elector.waits_for()
        cluster.away = now < 1010

    cluster.on_sleep = come_back
    await elector.acquire()
    assert elector.waits_for() == ""


async def test_an_outage_of_the_api_server_ends_the_leader_before_another_may_lead(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster = Cluster()
    elector = await acquired(cluster)
    cluster.away = True
    with pytest.raises(Ended):
        await elector.keep()
    assert cluster.now == pytest.approx(1010, abs=1.5)
    assert not elector.leads()
    assert "Lease op is lost: it could not be renewed for 10 s" in caplog.text
    assert len([each for each in caplog.records if "retrying" in each.message]) == 1


async def test_a_leader_ends_when_another_holds_the_lease(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster = Cluster()
    elector = await acquired(cluster)
    cluster.hold("b")
    with pytest.raises(Ended):
        await elector.keep()
    assert cluster.now == 1002
    assert "b holds it" in caplog.text


async def test_an_operator_that_stands_still_just_after_it_acquired_the_lease_ends() -> None:
    cluster = Cluster()

    async def slowly(lease: dict[str, Any]) -> dict[str, Any] | None:
        cluster.now += 11
        return cluster._store(lease)

    cluster.create = slowly  # type: ignore[method-assign]
    with pytest.raises(Ended):
        await cluster.elector("a").acquire()


async def test_a_short_outage_changes_nothing() -> None:
    cluster = Cluster()
    elector = await acquired(cluster)

    def outage(now: float) -> None:
        cluster.away = 1001 < now < 1008

    cluster.on_sleep = outage
    await kept(elector, lambda: cluster.now >= 1060)
    assert elector.leads()
    assert set(cluster.writes) == {"a"}


async def test_an_unexpected_error_is_retried_like_any_other() -> None:
    cluster = Cluster()
    elector = await acquired(cluster)
    fails = [True]

    async def odd(lease: dict[str, Any]) -> dict[str, Any] | None:
        if fails and fails.pop():
            raise KeyError("metadata")
        return cluster._store(lease)

    cluster.replace = odd  # type: ignore[method-assign]
    await kept(elector, lambda: cluster.now >= 1010)
    assert elector.leads()


async def test_the_watchdog_ends_the_process_shortly_after_the_deadline_if_the_loop_hangs(
) -> None:  # fmt: skip
    cluster = Cluster()
    elector = await acquired(cluster)
    assert cluster.watchdog == [10.5]
    cluster.away = True
    with pytest.raises(Ended):
        await elector.keep()
    ends_at = [1000 + (left or 0) for left in cluster.watchdog]
    assert max(ends_at) <= 1012.5, "nothing but a renewal postpones it"


async def test_a_graceful_end_releases_the_lease_after_the_work_has_ended() -> None:
    cluster = Cluster()
    elector = await acquired(cluster)
    during = []
    async with elector.leading():
        await asyncio.sleep(0)
        during.append(cluster.holder())
    assert during == ["a"]
    assert cluster.holder() == ""
    assert cluster.watchdog[-1] is None
    assert not elector.leads()
    before = cluster.now
    await acquired(cluster, "b")
    assert cluster.now == before, "at once"


async def test_work_that_fails_releases_the_lease_too() -> None:
    cluster = Cluster()
    elector = await acquired(cluster)
    with pytest.raises(RuntimeError):
        async with elector.leading():
            raise RuntimeError
    assert cluster.holder() == ""


async def test_a_release_that_fails_or_comes_too_late_is_harmless() -> None:
    cluster = Cluster()
    elector = await acquired(cluster)
    cluster.hold("b")
    await elector.release()
    assert cluster.holder() == "b"
    cluster.away = True
    await elector.release()


async def test_a_request_that_hangs_is_given_up_in_time_for_another() -> None:
    cluster = Cluster()
    candidate = LeaseCandidate("a", ElectionTimes(renew_deadline=0.02))
    elector = LeaderElector(cluster, candidate, cluster.elector("a")._do)
    hung = []

    async def hang() -> dict[str, Any] | None:
        hung.append(1)
        if len(hung) == 1:
            await asyncio.Event().wait()
        return None

    cluster.read = hang  # type: ignore[method-assign]
    await elector.acquire()
    assert len(hung) == 2


def test_no_two_processes_have_the_same_identity() -> None:
    assert identity("pod-1").startswith("pod-1_")
    assert identity("pod-1") != identity("pod-1")


async def test_a_signal_ends_the_wait_of_a_standby_and_later_ones_are_noticed_too() -> None:
    stop = stop_signal()

    def waits() -> Awaitable[bool]:
        return unless(stop, asyncio.sleep(60))

    waiting = asyncio.ensure_future(waits())
    await asyncio.sleep(0)
    signal.raise_signal(signal.SIGTERM)
    assert await waiting is False
    assert await waits() is False
    assert await unless(asyncio.Event(), asyncio.sleep(0)) is True
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(each)


async def test_an_error_while_waiting_is_not_swallowed() -> None:
    async def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await unless(asyncio.Event(), fail())


def test_the_real_watchdog_ends_a_process_that_never_releases_the_interpreter() -> None:
    hangs = (
        "from oomwarden.controller.leader_elector import arm_watchdog\n"
        "arm_watchdog(60)\narm_watchdog(0.2)\nsum(range(10**13))\n"
    )
    done = subprocess.run(
        (sys.executable, "-c", hangs), check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "Timeout (0:00:00.2" in done.stderr
    assert "line 4 in <module>" in done.stderr, "where it hangs"
