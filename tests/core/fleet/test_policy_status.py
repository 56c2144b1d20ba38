"""A policy's status is the sum of the nodes' reports, and names what is missing from it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.api.base import Condition
from oomwarden.api.oomnode import Refusal
from oomwarden.api.policy import PolicyStatus
from oomwarden.core.fleet.policy_status import OperatorFindings, summarise
from oomwarden.core.policy.cautions import caution

from tests.support.policy_reports import OneReport, on_nodes, report

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
EMPTY = PolicyStatus()
NO_FINDINGS = OperatorFindings()


def summary(
    generation: int,
    reports: Iterable[OneReport],
    before: PolicyStatus = EMPTY,
    now: datetime = NOW,
    findings: OperatorFindings = NO_FINDINGS,
) -> PolicyStatus:
    return summarise(generation, on_nodes(reports), before, now, findings)


def condition(status: PolicyStatus, kind: str) -> Condition:
    (found,) = (each for each in status.conditions if each.type == kind)
    return found


def test_the_status_is_the_sum_over_nodes() -> None:
    reports = [
        report("a", pods=2, matched=3, enforced=2, refused=1),
        report("b", pods=1, matched=1, observed=1),
        report("c"),
    ]
    status = summary(3, reports)
    assert (status.pods, status.matched, status.enforced) == (3, 4, 2)
    assert (status.observed, status.refused) == (1, 1)
    assert status.nodes == 2
    assert status.observed_generation == 3


def test_ready_when_all_live_nodes_are_at_the_generation() -> None:
    ready = condition(summary(3, [report("a"), report("b")]), "Ready")
    assert (ready.status, ready.reason) == ("True", "Reported")
    assert ready.message == "2 nodes at generation 3."


def test_a_node_at_an_older_generation_is_waited_for_and_named() -> None:
    reports = [report("a"), report("b", observed_generation=2)]
    ready = condition(summary(3, reports), "Ready")
    assert (ready.status, ready.reason) == ("False", "Pending")
    assert ready.message == "1 of 2 nodes not yet at generation 3: b."


def test_a_silent_node_is_counted_and_named_but_not_waited_for() -> None:
    reports = [report("a", enforced=1), report("b", silent=True, observed_generation=2, enforced=1)]
    status = summary(3, reports)
    assert condition(status, "Ready").status == "True"
    assert "No report for more than 11 minutes: b" in condition(status, "Ready").message
    assert status.enforced == 2


def test_with_only_silent_nodes_ready_is_unknown() -> None:
    ready = condition(summary(3, [report("a", silent=True)]), "Ready")
    assert (ready.status, ready.reason) == ("Unknown", "NodesSilent")
    assert "a;" in ready.message


def test_without_reports_the_status_says_what_to_check() -> None:
    ready = condition(summary(1, []), "Ready")
    assert (ready.status, ready.reason) == ("Unknown", "NoReports")
    assert "podSelector" in ready.message
    assert "kubectl get oomnodes" in ready.message


def refusal(number: int, message: str = "no baseline is known; restart the container") -> Refusal:
    return Refusal(pod=f"shop/db-{number}", container="app", reason="R", message=message)


def test_the_first_refusals_are_listed_and_the_others_counted() -> None:
    reported = report(refused=5, refusals=[refusal(number) for number in range(4)])
    refused = condition(summary(3, [reported]), "Refused")
    assert (refused.status, refused.reason) == ("True", "ContainersRefused")
    assert refused.message.startswith("5 containers: shop/db-0 app: no baseline is known; restart")
    assert refused.message.endswith("; and 2 containers more")
    assert "db-3" not in refused.message


def test_two_refusals_of_a_container_count_as_one_container() -> None:
    reported = report(refused=4, refusals=[refusal(0), refusal(0), refusal(1), refusal(1)])
    message = condition(summary(3, [reported]), "Refused").message
    assert message.endswith("; and 2 containers more")


def test_refusals_without_details_are_counted() -> None:
    refused = condition(summary(3, [report(refused=1)]), "Refused")
    assert refused.message.startswith("1 container; there was no room for details")


def test_a_long_refusal_is_truncated_to_what_the_api_server_accepts() -> None:
    reported = report(refused=1, refusals=[refusal(0, "x" * 100_000)])
    assert len(condition(summary(3, [reported]), "Refused").message) < 1000


def test_the_absence_of_refusals_is_reported() -> None:
    assert condition(summary(3, [report()]), "Refused").status == "False"


def test_many_late_nodes_are_named_in_part() -> None:
    reports = [report(f"node-{number}", observed_generation=1) for number in range(8)]
    message = condition(summary(3, reports), "Ready").message
    assert message.endswith("node-0, node-1, node-2, node-3, node-4 and 3 more.")


def test_a_condition_keeps_the_time_of_its_last_change() -> None:
    first = summary(3, [report()])
    later = summary(3, [report()], first, NOW + timedelta(minutes=5))
    assert later == first
    pending = summary(4, [report()], first, NOW + timedelta(minutes=6))
    assert condition(pending, "Ready").last_transition_time == "2026-11-23T12:06:00Z"
    assert condition(pending, "Refused").last_transition_time == "2026-11-23T12:00:00Z"


@given(
    st.permutations(
        [report("a", pods=1), report("b", observed_generation=1), report("c", silent=True)]
    )
)
def test_the_order_of_reports_does_not_matter(reports: list[OneReport]) -> None:
    assert summary(3, reports) == summary(3, sorted(reports, key=str))


def test_a_policy_that_an_agent_cannot_parse_says_why() -> None:
    why = Refusal(pod="", container="", reason="Unreadable", message="spec.rules[0]: -1000 ...")
    reported = [
        report("a", refused=1, refusals=[refusal(0)]),
        report("b", observed_generation=0, refusals=[why]),
    ]
    status = summary(3, reported)
    refused = condition(status, "Refused")
    assert (refused.status, refused.reason, refused.message) == ("True", "Unreadable", why.message)
    assert condition(status, "Ready").status == "False"


def test_warnings_without_details_are_counted() -> None:
    warning = condition(summary(3, [report(warned=2)]), "Warning")
    assert (warning.status, warning.reason) == ("True", "Warned")
    assert warning.message.startswith("2 containers; there was no room for details")


def test_the_first_warnings_are_listed_and_the_others_counted() -> None:
    reported = report(warned=5, warnings=[refusal(number) for number in range(3)])
    warning = condition(summary(3, [reported]), "Warning")
    assert (warning.status, warning.reason) == ("True", "R")
    assert warning.message.startswith("5 containers: shop/db-0 app: ")
    assert warning.message.endswith("; and 2 containers more")


def test_the_operators_refusal_replaces_the_pending_request() -> None:
    def refusal(container: str, reason: str) -> Refusal:
        message = f"{container} {reason}"
        return Refusal(pod="shop/db-0", container=container, reason=reason, message=message)

    requested = tuple(refusal(name, "ResizeAsked") for name in ("app", "web"))
    reported = [report(refused=3, refusals=(*requested, refusal("side", "ForeignLimit")))]
    answers = [refusal("app", "QuotaExceeded"), refusal("side", "QuotaExceeded")]
    status = summary(3, reported, findings=OperatorFindings(answers))
    message = condition(status, "Refused").message
    for part in ("app QuotaExceeded", "web ResizeAsked", "side ForeignLimit"):
        assert part in message
    assert "app ResizeAsked" not in message
    more = [*answers, refusal("untold", "LimitRange")]
    status = summary(3, reported, findings=OperatorFindings(more))
    message = condition(status, "Refused").message
    assert message.startswith("3 containers: shop/db-0 untold: untold LimitRange")


LOWERING = {"podSelector": {"matchLabels": {"tier": "db"}}, "rules": [{"oomScoreAdj": -300}]}


@pytest.mark.parametrize(
    ("kind", "changed", "warns"),
    [
        ("ClusterOOMPolicy", {}, True),
        ("ClusterOOMPolicy", {"rules": [{"oomScoreOffset": -1}]}, True),
        ("ClusterOOMPolicy", {"rules": [{"processes": [{"oomScoreAdj": -1}]}]}, True),
        ("ClusterOOMPolicy", {"podSelector": {}, "priorityClassNames": ["high"]}, True),
        ("ClusterOOMPolicy", {"namespaceSelector": {}}, True),
        ("ClusterOOMPolicy", {"podSelector": {}}, False),
        ("ClusterOOMPolicy", {"rules": [{"oomScoreAdj": 300}, {"memory": {}}]}, False),
        ("ClusterOOMPolicy", {"namespaceSelector": {"matchLabels": {"team": "db"}}}, False),
        ("OOMPolicy", {}, False),
    ],
)
def test_a_cluster_policy_that_protects_anyone_who_sets_a_label_has_a_warning(
    kind: str, changed: dict[str, object], *, warns: bool
) -> None:
    said = caution(kind, LOWERING | changed)
    assert ("namespaceSelector" in said) is warns
    found = condition(summary(3, [report("a")], findings=OperatorFindings((), said)), "Warning")
    assert found.reason == ("AnyTenant" if warns else "NothingToWarnOf")
