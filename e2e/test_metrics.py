"""Alerts and dashboard with a real Prometheus, while a real kernel kills."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e import scraping
from e2e.metric_cases import Cases, cases_of
from e2e.mode_switch import ModeSwitch
from e2e.node_access import NodeAccess
from e2e.prometheus_server import PrometheusServer, running_prometheus
from e2e.world import NAMESPACE, Release, World, eventually
from tools.dashboard_picture.evaluation import Result, View, evaluate, panels_of

_ROOT = Path(__file__).resolve().parent.parent
_BOARD = json.loads((_ROOT / "deploy/monitoring/dashboard.json").read_text(encoding="utf-8"))
_FIRING = 'ALERTS{alertstate="firing"}'
_USUAL_SCRAPE = 30.0
_FOR_A_PICTURE = 100.0
"""Seconds that a saved picture also shows after the alerts have fired."""
_SAVED = "OOMWARDEN_DASHBOARD_RESULTS"
"""Names a file for the results of the dashboard's queries, from which its picture is made."""

OF_KILLS = {
    "OOMWardenKillLoop": {"owner_name": {"api", "worker"}},
    "OOMWardenProtectedKilled": {"policy": {"for-db"}, "container": {"app"}},
    "OOMWardenNodeOutOfMemory": {"cause": {"NodeAllocatable"}},
    "OOMWardenHostProcessKilled": {},
    "OOMWardenLimitAtUpTo": {},
    "OOMWardenNearLimit": {},
    "OOMWardenPolicyRefused": {"policy": {"for-cache", "for-web"}},
    "OOMWardenOutboxStuck": {},
    "OOMWardenNodeConditionFalse": {"condition": {"Delivery"}},
    "OOMWardenAgentSilent": {},
}
"""The alerts of what happens to workloads, with labels that they must have, and no other values."""
OF_LOAD = {
    "OOMWardenAgentDown",
    "OOMWardenAgentStuck",
    "OOMWardenLedgerGap",
    "OOMWardenNoAgents",
    "OOMWardenQueueStuck",
}
"""They forgive for minutes that a node is busy, which one with a single processor is when nine pods
start at once."""
OF_PROGRAMS = {
    "OOMWardenUndeliverableKills",
    "OOMWardenAgentDown",
    "OOMWardenNoAgents",
    "OOMWardenOperatorDown",
    "OOMWardenSwitchedOff",
}
WITHOUT_DATA = {
    "At the limit within 6 hours": "the kernel does not leak for hours",
    "Time until the limit": "likewise",
    "Calls that hang": "no call hangs",
}
"""Panels, or single queries of panels, without a case in this story."""


@dataclass(frozen=True)
class Monitored:
    """A Prometheus that scrapes the product.

    Attributes:
        since: When it began, in Unix time.
    """

    server: PrometheusServer
    since: float

    def fired(self, since: float | None = None) -> list[dict[str, str]]:
        """Return the labels of the alerts that have fired."""
        window = max(round(time.time() - (since or self.since)), 1)
        found = self.server.values(f"max_over_time({_FIRING}[{window}s])")
        return [each["metric"] for each in found]

    def names(self, since: float | None = None) -> set[str]:
        """Return the names of alerts that have fired."""
        return {each["alertname"] for each in self.fired(since)}

    def dashboard(self) -> tuple[View, dict[int, dict[str, Result]]]:
        """Return the results of all panels of the dashboard, from the beginning until now."""
        now = time.time()
        hurry = _USUAL_SCRAPE / scraping.SECONDS
        view = View(now, round(now - self.since), scraping.SECONDS, hurry)
        return view, {
            each["id"]: evaluate(each, view, self.server.ask) for each in panels_of(_BOARD)
        }


@pytest.fixture(scope="module")
def monitored(
    world: World, release: Release, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Monitored]:
    """Run a Prometheus that scrapes agents and operator, from before the first kill on."""
    folder = tmp_path_factory.mktemp("prometheus")
    config = scraping.configuration(world, folder)
    with running_prometheus(folder, config) as server:

        def scraped() -> bool:
            """Prometheus scrapes an agent and the operator, and no alert misses them any more."""
            found = server.values("sum by (component) (oomwarden_build_info)")
            known = {each["metric"]["component"] for each in found} == {"agent", "operator"}
            return known and not server.values(_FIRING)

        eventually(scraped, 30, every=0.5)
        yield Monitored(server, time.time())


@pytest.fixture(scope="module")
def cases(world: World, node_access: NodeAccess, monitored: Monitored) -> Iterator[Cases]:
    """Start the cases, once no alert has fired for as long as alerts wait."""
    time.sleep(2 * scraping.WAIT)
    assert monitored.names() == set(), "a healthy cluster has no alert"
    with cases_of(world, node_access) as started:
        yield started


def test_each_alert_fires_for_its_case_only_and_each_panel_of_the_dashboard_has_data(
    monitored: Monitored, cases: Cases, switch: ModeSwitch, node_access: NodeAccess
) -> None:
    """One story, because all of it is about the same kills, which take minutes."""
    cases.provoke()
    alerts_of_workloads_fire(monitored)
    each_query_has_data(monitored)
    alerts_of_programs_fire(monitored, cases, switch, node_access)


def alerts_of_workloads_fire(monitored: Monitored) -> None:
    """Each alert of a case fires with its labels, and no other one."""

    def all_fired() -> bool:
        """Each alert of a case has fired."""
        return monitored.names() >= set(OF_KILLS)

    try:
        eventually(all_fired, 100)
    finally:
        print("not fired:", sorted(set(OF_KILLS) - monitored.names()))
        print("fired:", *monitored.fired(), sep="\n")
    assert monitored.names() - OF_LOAD == set(OF_KILLS)
    for labels in monitored.fired():
        for name, values in OF_KILLS.get(labels["alertname"], {}).items():
            assert labels[name] in values, labels


def each_query_has_data(monitored: Monitored) -> None:
    """Each panel of the dashboard shows something, but those without a case."""
    path = os.environ.get(_SAVED)
    time.sleep(_FOR_A_PICTURE if path else 0)

    def seen() -> bool:
        """Each query has data but those without a case."""
        view, results = monitored.dashboard()
        if path:
            saved = {"view": vars(view), "results": results}
            Path(path).write_text(json.dumps(saved), encoding="utf-8")
        empty = {
            panel["title"]
            for panel in panels_of(_BOARD)
            for result in results[panel["id"]].values()
            if not result
        }
        print("without data:", sorted(empty))
        return empty == set(WITHOUT_DATA)

    eventually(seen, 80, every=2)


def alerts_of_programs_fire(
    monitored: Monitored, cases: Cases, switch: ModeSwitch, node_access: NodeAccess
) -> None:
    """Alerts fire when the switch is off, and when agents and operator do not answer any more."""
    since = time.time()
    switch.set_mode("Pause")
    cases.delete_gone()
    wanted = OF_PROGRAMS - {"OOMWardenAgentDown", "OOMWardenNoAgents", "OOMWardenOperatorDown"}
    eventually(lambda: monitored.names(since) >= wanted, 60, every=0.5)
    agents = "$(grep -la '[b]in/oomwarden-agent' /proc/[0-9]*/cmdline | cut -d/ -f3)"
    seconds = scraping.WAIT + 10
    node_access.run(
        f"(kill -STOP {agents}; sleep {seconds}; kill -CONT {agents}) >/dev/null 2>&1 &"
    )
    scale = ("scale", "deployment/oomwarden-operator", "-n", NAMESPACE)
    cases.world.cluster.kubectl(*scale, "--replicas=0")
    try:
        eventually(lambda: monitored.names(since) >= OF_PROGRAMS, 60, every=0.5)
    finally:
        cases.world.cluster.kubectl(*scale, "--replicas=1")
        eventually(lambda: monitored.server.values('up{job=~".+-agent"} == 1'), 60, every=0.5)
    assert monitored.names() - OF_LOAD == (set(OF_KILLS) | OF_PROGRAMS) - OF_LOAD
