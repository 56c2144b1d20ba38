"""What to do is what `kubectl oom why` says; tests/core/explanation has the judgment itself."""

from datetime import timedelta
from typing import Any

import pytest
from oomwarden.core.history.kill_record import read_record
from oomwarden.core.kill_report.period import Period
from oomwarden.core.kill_report.remedies import Remedy
from oomwarden.core.kill_report.report import build_report

from tests.support.kill_objects import oomkill
from tests.support.many_kills import NOW, stamp

WEEK = Period(NOW - timedelta(days=7), NOW)


def remedy(*kills: dict[str, Any]) -> Remedy:
    """Return what to do after these kills, the latest last."""
    records = [
        read_record(
            oomkill(f"k{n}", time={"before": stamp(NOW - timedelta(hours=9 - n))}, **changes)
        )
        for n, changes in enumerate(kills)
    ]
    return build_report("", NOW, WEEK, records).remedies[0]


def with_memory(pattern: str | None = None, **parts: str) -> dict[str, Any]:
    at = {"at": stamp(NOW - timedelta(hours=10)), "usage": "500Mi"}
    found: dict[str, Any] = {**at, "samples": [at], "detail": {**at, **parts}}
    return found | ({"pattern": {"name": pattern, "evidence": "it rose"}} if pattern else {})


def commands(found: Remedy) -> list[str]:
    return [step.command for step in found.steps if step.command]


def test_a_limit_that_was_hit_gets_a_command_though_the_pod_is_gone() -> None:
    assert commands(remedy({})) == [
        "kubectl -n shop set resources deployment api -c app --limits=memory=640Mi"
    ]


def test_a_limit_that_a_policy_raised_is_said_first() -> None:
    response = {"action": "RaisedLimit", "reason": "RaisedLimit", "limit": "768Mi"}
    found = remedy({"status": {"response": response}}, {})
    assert found.steps[0].text.startswith("A policy has raised the limit of a pod to 768Mi")


def test_the_latest_kill_of_the_most_frequent_cause_with_readings_is_judged() -> None:
    leak = {"memory": with_memory("Leak", anon="480Mi", file="1Mi")}
    found = remedy(leak, {"cause": "NodeOutOfMemory"}, leak, {})
    assert (found.cause, found.record, found.kills) == ("ContainerLimit", "k2", 4)
    assert "Find the leak" in found.steps[0].text
    assert found.seen[-1] == "Leak: it rose."


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("NodeOutOfMemory", "See what else uses the node's memory"),
        ("NumaNodesOutOfMemory", "NUMA nodes"),
        ("Unknown", "kubectl oom leak"),
        ("Novel", "kubectl oom leak"),
    ],
)
def test_each_cause_has_an_answer(cause: str, words: str) -> None:
    found = remedy({"cause": cause})
    assert any(words in step.text for step in found.steps)


def test_what_a_pod_requests_is_unknown_without_the_pod() -> None:
    texts = [step.text for step in remedy({"cause": "NodeOutOfMemory"}).steps]
    assert any("Mi: request what it needs, so that" in text for text in texts)


@pytest.mark.parametrize(
    "changes",
    [
        {"pod": {"name": "p", "owner": {"kind": "Deployment", "name": "a; reboot"}}},
        {"pod": {"name": "p", "owner": {"kind": "$(reboot)", "name": "api"}}},
        {"container": {"name": "app`reboot`"}},
        {"container": {"candidates": ["a", "b"]}},
        {"pod": {"name": "p"}},
        {"limit": "none"},
    ],
)
def test_no_command_has_a_name_that_kubernetes_does_not_allow(changes: dict[str, Any]) -> None:
    assert commands(remedy(changes)) == []
