"""The operator's /metrics: all families with real values, and with an event loop that hangs."""

import asyncio
import time
from urllib.request import urlopen

import pytest
from oomwarden.controller.liveness import EventLoopLiveness, serve
from oomwarden.controller.run import Operator, OperatorIdentity
from oomwarden.core.metrics.families.operator import OPERATOR_FAMILIES, RESPONSES
from oomwarden.core.metrics.families.process import PROCESS_FAMILIES
from oomwarden.core.quota.retention import Bounds
from oomwarden.kube.http.failures import ConnectError
from oomwarden.kube.transport.resources import OOMNode
from oomwarden.probes.server import ProbeServer
from prometheus_client.parser import text_string_to_metric_families

from tests.support.fake_api import client_of

NOWHERE = 1
"""A port on which nothing listens."""


def page(port: int) -> dict[tuple[str, ...], float]:
    """Scrape; return the values by the name of the sample and its labels."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def served(operator: Operator, liveness: EventLoopLiveness) -> ProbeServer:
    return serve(0, [liveness.loop, *operator.watched_loops()], operator.families)


async def test_a_fresh_operator_serves_every_family_that_needs_no_event() -> None:
    operator = Operator(client_of(NOWHERE), Bounds(), OperatorIdentity("oomwarden", ""))
    operator._reports.replace([])
    operator._retention.retained = 0
    server = served(operator, EventLoopLiveness())
    found = await asyncio.to_thread(page, server.port)
    server.close()
    names = {name for name, *_ in found}
    expected = {each.name for each in (*OPERATOR_FAMILIES, *PROCESS_FAMILIES)} - {RESPONSES.name}
    histogram = "oomwarden_operator_reconcile_duration_seconds"
    assert {each for each in expected if each not in names} == {histogram}
    assert f"{histogram}_bucket" in names
    assert found["oomwarden_operator_deleted_oomkills_total", "Cluster"] == 0


async def test_a_failed_call_is_shown_by_its_kind() -> None:
    client = client_of(NOWHERE)
    operator = Operator(client, Bounds(), OperatorIdentity("oomwarden", ""))
    with pytest.raises(ConnectError):
        await client.get(OOMNode, "n1")
    server = served(operator, EventLoopLiveness())
    found = await asyncio.to_thread(page, server.port)
    server.close()
    assert found["oomwarden_api_errors_total", "Unreachable"] == 1
    assert found["oomwarden_api_errors_total", "Timeout"] == 0


async def test_an_event_loop_that_hangs_shows_by_its_age_beside_the_last_values() -> None:
    operator = Operator(client_of(NOWHERE), Bounds(), OperatorIdentity("oomwarden", ""))
    server = served(operator, EventLoopLiveness())
    await asyncio.to_thread(page, server.port)
    time.sleep(1.1)  # noqa: ASYNC251 - it hangs
    found = page(server.port)
    server.close()
    assert found["oomwarden_loop_age_seconds", "event-loop"] > 1
    assert found["oomwarden_operator_dropped_responses_total",] == 0
