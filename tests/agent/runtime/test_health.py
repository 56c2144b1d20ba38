import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from oomwarden.agent.runtime.health import serve
from oomwarden.core.metrics.exposition import Families, single
from oomwarden.core.metrics.families.nodes import OUTBOX_RECORDS, RECORDED_KILLS
from oomwarden.probes.loops import Loop, age_since, healthz, readyz
from oomwarden.probes.server import ProbeServer
from oomwarden.probes.snapshot import Snapshot, TimedValue


def families() -> Families:
    return single(RECORDED_KILLS, 3), single(OUTBOX_RECORDS, 2)


def values() -> TimedValue[Families]:
    return TimedValue(families(), time.monotonic())


@contextmanager
def serving(*loops: Loop, waits_for: str = "") -> Iterator[ProbeServer]:
    server = serve(0, loops, values, lambda: waits_for)
    yield server
    server.close()


def page(server: ProbeServer, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_a_late_loop_of_the_kernel_side_is_unhealthy_and_named() -> None:
    answer = healthz([Loop("detect", lambda: 31.0, 30.0), Loop("watch", lambda: 900.0)])
    assert (answer.status, json.loads(answer.body)["late"]) == (503, ["detect"])


def test_an_api_outage_alone_does_not_restart_the_agent() -> None:
    assert healthz([Loop("detect", lambda: 1.0, 30.0), Loop("watch", lambda: 900.0)]).status == 200


def test_metrics_show_loop_ages_kills_and_the_outbox() -> None:
    with serving(Loop("detect", lambda: 1.5)) as server:
        status, text = page(server, "/metrics")
    assert status == 200
    assert 'oomwarden_loop_age_seconds{loop="detect"} 1.5' in text
    assert "oomwarden_recorded_kills_total 3\n" in text
    assert "oomwarden_outbox_records 2\n" in text
    assert 'component="agent"' in text


def test_an_agent_that_waits_for_another_is_alive_but_not_ready() -> None:
    with serving(waits_for="waiting for another agent") as server:
        assert page(server, "/readyz") == (503, "waiting for another agent\n")
        assert page(server, "/healthz")[0] == 200
    assert readyz("").status == 200


async def test_a_hanging_event_loop_is_unhealthy_and_its_last_values_are_still_served() -> None:
    beat = time.monotonic()
    taken = Snapshot(families, asyncio.get_running_loop())
    server = serve(0, [Loop("bookkeep", age_since(lambda: beat), 0.2)], taken.get, lambda: "")
    assert (await asyncio.to_thread(page, server, "/healthz"))[0] == 200
    assert (
        "oomwarden_recorded_kills_total 3" in (await asyncio.to_thread(page, server, "/metrics"))[1]
    )
    time.sleep(1.1)  # noqa: ASYNC251 - the loop hangs, and cached answers expire
    status, body = page(server, "/healthz")
    assert (status, json.loads(body)["late"]) == (503, ["bookkeep"])
    status, text = page(server, "/metrics")
    assert status == 200
    assert "oomwarden_recorded_kills_total 3" in text
    age = next(line for line in text.splitlines() if line.startswith("oomwarden_figures_age"))
    assert float(age.split()[1]) > 1
    server.close()


async def test_values_are_read_in_the_loops_own_thread_and_only_on_request() -> None:
    import threading  # noqa: PLC0415

    threads: list[int] = []
    taken = Snapshot(lambda: threads.append(threading.get_ident()), asyncio.get_running_loop())
    await asyncio.sleep(0)
    assert threads == []
    await asyncio.to_thread(taken.get)
    assert threads == [threading.get_ident()]


async def test_a_hanging_loop_is_waited_for_only_once() -> None:
    taken = Snapshot(lambda: 1, asyncio.get_running_loop())
    assert taken.get() is None  # in the loop's own thread: it cannot answer
    began = time.monotonic()
    assert taken.get() is None
    assert time.monotonic() - began < 0.1
    await asyncio.sleep(0)
    latest = await asyncio.to_thread(taken.get)
    assert latest is not None
    assert latest.value == 1


@pytest.mark.parametrize("path", ["/", "/healthz/x", "/metrics2"])
def test_an_unknown_page_names_the_known_ones(path: str) -> None:
    with serving() as server:
        assert page(server, path) == (404, "see /healthz, /readyz, /metrics\n")
