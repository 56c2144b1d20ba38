"""The pressure that an agent uses: the operator's while it is fresh, else that of no operator."""

from typing import Any

import pytest
from oomwarden.agent.informers.pressure import STALE_SECONDS, STARTUP_SECONDS, PressureCache
from oomwarden.api.policy import QOSClass
from oomwarden.core.model.pod import PodFacts
from oomwarden.core.quota.pressure import (
    DEFAULT_NODES,
    KEY,
    NO_OPERATOR,
    Pressure,
    PressureLevel,
    to_config_map,
)

REPORTED = Pressure(PressureLevel.HIGH, {"shop": PressureLevel.FULL}, nodes=3)


class World:
    def __init__(self) -> None:
        self.now, self.changes = 5000.0, 0
        self.watch = PressureCache("oomwarden", self.changed, lambda: self.now)

    def changed(self) -> None:
        self.changes += 1

    def report(self, pressure: Pressure, renewed: str = "1") -> None:
        self.watch.apply(configmap({**to_config_map(pressure), "renewed": renewed}))


def configmap(data: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"metadata": {"name": "oomwarden-pressure"}, "data": data}


def test_an_agent_waits_a_while_for_the_configmap_and_then_works_without_it() -> None:
    world = World()
    assert world.watch.current() == Pressure(nodes=DEFAULT_NODES)
    world.now += STARTUP_SECONDS
    assert world.watch.current() == NO_OPERATOR


def test_the_operators_pressure_takes_effect_immediately_and_wakes_the_delivery() -> None:
    world = World()
    world.report(REPORTED)
    assert (world.watch.current(), world.watch.node_count(), world.changes) == (REPORTED, 3, 1)
    world.report(REPORTED, renewed="2")
    assert world.changes == 1


def test_a_configmap_that_is_not_renewed_becomes_stale_but_its_node_count_is_kept() -> None:
    world = World()
    world.report(REPORTED)
    world.now += STALE_SECONDS - 1
    world.report(REPORTED)  # listed again, unchanged
    assert world.watch.current() == REPORTED
    world.now += 1
    assert world.watch.current() == Pressure(nodes=3, has_operator=False)
    world.report(REPORTED, renewed="2")
    assert world.watch.current() == REPORTED


@pytest.mark.parametrize("data", [None, {}, {KEY: "nonsense"}, "text", {KEY: "{}"}, {"other": "x"}])
def test_content_that_cannot_be_read_changes_nothing(data: object) -> None:
    world = World()
    world.report(REPORTED)
    world.watch.replace([configmap(data)])
    world.watch.delete(configmap(data))
    world.watch.replace([])
    assert world.watch.current() == REPORTED


def test_another_configmap_is_ignored() -> None:
    world = World()
    world.watch.apply(
        {**configmap(to_config_map(REPORTED)), "metadata": {"name": "oomwarden-control"}}
    )
    assert world.changes == 0


def pod(namespace: str) -> PodFacts:
    return PodFacts("u", "u", namespace, "p", {}, QOSClass.BURSTABLE)


def test_the_remedy_names_the_namespaces_whose_records_are_merged_more() -> None:
    world = World()
    world.report(Pressure(namespaces={"shop": PressureLevel.FULL, "elsewhere": PressureLevel.FULL}))
    remedy, reason = world.watch.merge_remedy([pod("shop"), pod("bank")])
    assert reason == "NamespaceFull"
    assert "those of shop are merged more" in remedy
    assert "retention.perNamespace" in remedy
    assert world.watch.merge_remedy([pod("bank")]) == ("", "")


def test_a_node_without_an_operator_reports_that() -> None:
    world = World()
    world.now += STARTUP_SECONDS
    remedy, reason = world.watch.merge_remedy([pod("bank")])
    assert reason == "NoOperator"
    assert "check that the operator runs" in remedy
