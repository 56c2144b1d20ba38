import pytest
from oomwarden.core.history.kill_record import read_record
from oomwarden.core.history.selection import (
    KillTarget,
    close_names,
    matching_records,
    parse_target,
)

from tests.support.kill_objects import oomkill

RECORDS = [
    read_record(oomkill("api-1-old", time={"before": "2026-11-01T10:00:00Z"})),
    read_record(oomkill("api-1-new", time={"before": "2026-11-02T10:00:00Z"})),
    read_record(oomkill("api-2-x", pod_name="api-2", time={"before": "2026-11-03T10:00:00Z"})),
]


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("api-1", None, "api-1"),
        ("pod/api-1", "Pod", "api-1"),
        ("pods/api-1", "Pod", "api-1"),
        ("oomkill.oomwarden.io/x", "OOMKill", "x"),
        ("OOMKILLS/x", "OOMKill", "x"),
        ("deploy/api", "Deployment", "api"),
        ("deployments.apps/api", "Deployment", "api"),
        ("sts/db", "StatefulSet", "db"),
        ("Database/db", "Database", "db"),
    ],
)
def test_targets_are_written_as_in_kubectl(text: str, kind: str | None, name: str) -> None:
    assert parse_target(text) == KillTarget(kind, name)


@pytest.mark.parametrize("text", ["", "pod/", "/api", "a/b/c", "/"])
def test_other_targets_are_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="neither a name nor kind/name"):
        parse_target(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("api-1", ["api-1-new", "api-1-old"]),
        ("pod/api-1", ["api-1-new", "api-1-old"]),
        ("api-1-old", ["api-1-old"]),
        ("oomkill/api-1-old", ["api-1-old"]),
        ("oomkill/api-1", []),
        ("api", ["api-2-x", "api-1-new", "api-1-old"]),
        ("deployment/api", ["api-2-x", "api-1-new", "api-1-old"]),
        ("DEPLOYMENT/api", ["api-2-x", "api-1-new", "api-1-old"]),
        ("statefulset/api", []),
    ],
)
def test_the_latest_record_of_what_was_named_comes_first(text: str, expected: list[str]) -> None:
    assert [each.name for each in matching_records(RECORDS, parse_target(text))] == expected


def test_a_pod_comes_before_a_workload_of_the_same_name() -> None:
    solo = {"name": "api", "uid": "u"}
    named = read_record(oomkill("old", pod=solo, time={"before": "2026-01-01T10:00:00Z"}))
    assert matching_records([*RECORDS, named], parse_target("api")) == [named]


def test_names_that_resemble_a_wrong_one_are_offered() -> None:
    assert close_names(RECORDS, ["api-3"], "api-11")[0] == "api-1"
    assert close_names(RECORDS, [], "zzzzzz") == []
