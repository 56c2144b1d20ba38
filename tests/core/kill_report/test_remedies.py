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


def remedy(**changes: Any) -> Remedy:  # noqa: ANN401 - JSON
    time = {"before": stamp(NOW - timedelta(hours=1))}
    record = read_record(oomkill("a", time=time, **changes))
    return build_report("", NOW, WEEK, [record]).remedies[0]


def with_memory(pattern: str | None = None, **parts: str) -> dict[str, Any]:
    at = {"at": stamp(NOW - timedelta(hours=1, seconds=1)), "usage": "500Mi"}
    found: dict[str, Any] = {**at, "samples": [at], "detail": {**at, **parts}}
    return found | ({"pattern": {"name": pattern, "evidence": "seen"}} if pattern else {})


def test_a_limit_that_was_hit_gets_a_command_with_a_quarter_more() -> None:
    found = remedy()
    assert found.command == (
        "kubectl -n shop set resources deployment/api -c app --limits=memory=640Mi"
    )
    assert found.command_note
    assert "no record knows how much it needs" in found.command_note


def test_a_limit_that_a_policy_raised_is_kept_by_the_command() -> None:
    response = {"action": "RaisedLimit", "reason": "RaisedLimit", "limit": "768Mi"}
    found = remedy(status={"response": response})
    assert found.command
    assert found.command.endswith("--limits=memory=768Mi")


def test_a_leak_gets_its_evidence_and_no_command() -> None:
    found = remedy(memory=with_memory("Leak", anon="480Mi"))
    assert "find what grows first" in found.text
    assert (found.evidence, found.command) == ("seen", None)


def test_tmpfs_gets_no_higher_limit() -> None:
    for changes in (
        {"memory": with_memory(shmem="300Mi", file="310Mi", anon="90Mi")},
        {"podMemory": {"shmem": "200Mi"}},
    ):
        found = remedy(**changes)
        assert "a restart does not free it" in found.text
        assert found.command is None


def test_the_part_that_filled_the_limit_is_named() -> None:
    assert "inodes" in remedy(memory=with_memory(slab="400Mi", anon="50Mi")).text


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("PodLimit", "the pod's limit"),
        ("NodeAllocatable", "set requests of all pods"),
        ("NodeOutOfMemory", "`kubectl oom nodes`"),
        ("NumaNodesOutOfMemory", "NUMA nodes"),
        ("Unknown", "`kubectl oom doctor`"),
        ("Novel", "`kubectl oom doctor`"),
    ],
)
def test_each_cause_has_its_own_answer_and_no_limit_to_raise(cause: str, words: str) -> None:
    found = remedy(cause=cause)
    assert words in found.text
    assert found.command is None


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
    assert remedy(**changes).command is None
