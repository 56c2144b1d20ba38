from datetime import timedelta
from typing import Any

from oomwarden.core.kill_report.nodes import node_caveats

from tests.support.many_kills import NOW, stamp


def node(name: str, minutes: float = 1.0, **kills: int) -> dict[str, Any]:
    agent = {"heartbeat": stamp(NOW - timedelta(minutes=minutes))}
    return {"metadata": {"name": name}, "status": {"agent": agent, "kills": kills}}


def test_healthy_agents_need_no_words() -> None:
    assert node_caveats([node("a", recorded=9), node("b", minutes=10)], NOW) == ()


def test_kills_without_a_record_are_summed_over_the_nodes() -> None:
    found = node_caveats(
        [node("a", unattributed=2), node("b", unattributed=1, undeliverable=5)], NOW
    )
    assert found[0].startswith("No record has 3 kills that could not be attributed")
    assert found[1].startswith("No record has 5 kills whose records the API server did not take")


def test_silent_agents_are_named() -> None:
    (sentence,) = node_caveats([node(name, minutes=12) for name in "edcba"], NOW)
    assert "for 11 minutes or more: a, b, c and 2 more" in sentence
    (unreadable,) = node_caveats([{"metadata": {}, "status": {"agent": []}}], NOW)
    assert "unknown" in unreadable


def test_without_nodes_nothing_is_recorded() -> None:
    assert "new kills are not recorded" in node_caveats([], NOW)[0]
