"""What an agent goes by: the operator's word while it is fresh, else few records of its own."""

from typing import Any

import pytest
from oomwarden.agent.informers.pressure import PATIENCE_SECONDS, STALE_SECONDS, PressureWatch
from oomwarden.api.policy import QOSClass
from oomwarden.core.model.pod import PodFacts
from oomwarden.core.quota.pressure import (
    DEFAULT_NODES,
    KEY,
    UNATTENDED,
    Pressure,
    PressureLevel,
    written,
)

SAID = Pressure(PressureLevel.HIGH, {"shop": PressureLevel.FULL}, nodes=3)


class World:
    def __init__(self) -> None:
        self.now, self.changes = 5000.0, 0
        self.watch = PressureWatch("oomwarden", self.changed, lambda: self.now)

    def changed(self) -> None:
        self.changes += 1

    def tell(self, pressure: Pressure, renewed: str = "1") -> None:
        self.watch.apply(configmap({**written(pressure), "renewed": renewed}))


def configmap(data: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"metadata": {"name": "oomwarden-pressure"}, "data": data}


def test_an_agent_waits_a_little_for_the_first_word_then_goes_by_itself() -> None:
    world = World()
    assert world.watch.now() == Pressure(nodes=DEFAULT_NODES)
    world.now += PATIENCE_SECONDS
    assert world.watch.now() == UNATTENDED


def test_what_the_operator_says_holds_at_once_and_records_are_looked_at_again() -> None:
    world = World()
    world.tell(SAID)
    assert (world.watch.now(), world.watch.nodes(), world.changes) == (SAID, 3, 1)
    world.tell(SAID, renewed="2")
    assert world.changes == 1


def test_a_word_that_is_not_renewed_grows_stale_but_the_number_of_nodes_is_kept() -> None:
    world = World()
    world.tell(SAID)
    world.now += STALE_SECONDS - 1
    world.tell(SAID)  # listed again, and the same
    assert world.watch.now() == SAID
    world.now += 1
    assert world.watch.now() == Pressure(nodes=3, attended=False)
    world.tell(SAID, renewed="2")
    assert world.watch.now() == SAID


@pytest.mark.parametrize("data", [None, {}, {KEY: "nonsense"}, "text", {KEY: "{}"}, {"other": "x"}])
def test_what_cannot_be_read_changes_nothing(data: object) -> None:
    world = World()
    world.tell(SAID)
    world.watch.replace([configmap(data)])
    world.watch.delete(configmap(data))
    world.watch.replace([])
    assert world.watch.now() == SAID


def test_another_configmap_is_not_taken() -> None:
    world = World()
    world.watch.apply({**configmap(written(SAID)), "metadata": {"name": "oomwarden-control"}})
    assert world.changes == 0


def pod(namespace: str) -> PodFacts:
    return PodFacts("u", "u", namespace, "p", {}, QOSClass.BURSTABLE)


def test_a_node_says_which_of_its_namespaces_are_merged_harder_and_what_to_do() -> None:
    world = World()
    world.tell(Pressure(namespaces={"shop": PressureLevel.FULL, "elsewhere": PressureLevel.FULL}))
    remedy, reason = world.watch.merged_harder([pod("shop"), pod("bank")])
    assert reason == "NamespaceFull"
    assert "those of shop are merged harder" in remedy
    assert "retention.perNamespace" in remedy
    assert world.watch.merged_harder([pod("bank")]) == ("", "")


def test_a_node_says_that_it_is_alone() -> None:
    world = World()
    world.now += PATIENCE_SECONDS
    remedy, reason = world.watch.merged_harder([pod("bank")])
    assert reason == "NoOperator"
    assert "see whether the operator runs" in remedy
