"""The agent's parts fit together, before any of its loops has run."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from oomwarden.agent.run import Agent
from oomwarden.core.metrics.families.containers import CONTAINER_FAMILIES
from oomwarden.core.metrics.families.nodes import (
    DETECTION_FAMILIES,
    ENFORCED_PROCESSES,
    ENFORCEMENT_FAMILIES,
    FIGURES_AGE,
    HOST_KILLS,
    LEDGER_FAMILIES,
    LEDGER_GAP,
    OUTBOX_AGE,
    OUTBOX_RECORDS,
    RECORDED_KILLS,
    TAKEN_NAMES,
    UNATTRIBUTED_KILLS,
    UNDELIVERABLE_KILLS,
    WORKER_STUCK,
)
from oomwarden.core.metrics.families.process import API_ERRORS
from oomwarden.kube.transport.error_counts import ApiErrorCounts

from tests.support.enforcing import SETTINGS
from tests.support.stores import store_at


def agent(path: Path) -> Agent:
    client: Any = SimpleNamespace(errors=ApiErrorCounts())
    return Agent(SETTINGS, store_at(path / "store.sqlite"), client)


async def test_every_loop_has_a_name_of_its_own(tmp_path: Path) -> None:
    names = [loop.name for loop in agent(tmp_path).loops()]
    assert len(names) == len(set(names))
    assert {"detect", "bookkeep", "deliver", "enforce", "status", "watch-pods"} <= set(names)


async def test_an_agent_that_has_just_started_has_metrics(tmp_path: Path) -> None:
    found = dict(agent(tmp_path).metrics.families())
    for each in (RECORDED_KILLS, ENFORCED_PROCESSES, OUTBOX_RECORDS, OUTBOX_AGE, LEDGER_GAP):
        assert [sample.value for sample in found[each]] == [0]
    assert {each.value for each in found[WORKER_STUCK]} == {0}


async def test_an_agent_has_all_metrics_of_the_contract(tmp_path: Path) -> None:
    of_agent = {*CONTAINER_FAMILIES, *LEDGER_FAMILIES, *ENFORCEMENT_FAMILIES, *DETECTION_FAMILIES}
    started = agent(tmp_path)
    started.status.builder.counts = {"unattributed": 3}
    started.kills.host_kills.last = 5
    shown = [family for family, _ in started.metrics.families()]
    assert len(shown) == len(set(shown))
    assert of_agent - set(shown) == {FIGURES_AGE}
    assert set(shown) - of_agent == {API_ERRORS}


async def test_counters_that_earlier_agents_began_wait_until_they_are_read(tmp_path: Path) -> None:
    """A 0 in between would look like a reset, and what follows like an increase."""
    started = agent(tmp_path)
    shown = {family for family, _ in started.metrics.families()}
    assert not shown & {UNATTRIBUTED_KILLS, UNDELIVERABLE_KILLS, TAKEN_NAMES, HOST_KILLS}
    started.status.builder.counts = {"unattributed": 3}
    found = dict(started.metrics.families())
    assert [each.value for each in found[UNATTRIBUTED_KILLS]] == [3]


async def test_what_the_api_server_says_wakes_the_loops_that_depend_on_it(tmp_path: Path) -> None:
    node = agent(tmp_path).node
    node.view.namespaces.replace([])
    assert node.signals.containers.is_set()
    node.view.limits.replace([])
    assert node.signals.limits.is_set()
    assert node.signals.status.is_set()
    node.signals.status.clear()
    node.unreadable.add("Pod", {"metadata": {"name": "odd"}}, "no spec")
    assert node.signals.status.is_set()
