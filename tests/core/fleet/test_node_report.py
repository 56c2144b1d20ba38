"""What is decoded of an OOMNode agrees with the pydantic models, and survives packing."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.api.models.oomnode import PolicyReport, Refusal
from oomwarden.core.fleet.node_report import (
    MAX_COUNTED,
    MAX_NAME,
    MAX_REFUSALS_PER_REPORT,
    MAX_TEXT,
    ReportedNode,
    report_digest,
    reported_node,
)
from oomwarden.core.policy.policy import PolicyKey

TEXT = st.text(max_size=20)
REFUSAL = st.builds(Refusal, pod=TEXT, container=TEXT, reason=TEXT, message=TEXT)
COUNT = st.integers(0, MAX_COUNTED)
REPORT = st.builds(
    PolicyReport,
    kind=st.sampled_from(["OOMPolicy", "ClusterOOMPolicy"]),
    namespace=st.none() | TEXT, name=TEXT, observed_generation=st.integers(0, 2**62),
    pods=COUNT, matched=COUNT, enforced=COUNT, observed=COUNT, refused=COUNT, warned=COUNT,
    refusals=st.lists(REFUSAL, max_size=MAX_REFUSALS_PER_REPORT).map(tuple),
    warnings=st.lists(REFUSAL, max_size=MAX_REFUSALS_PER_REPORT).map(tuple),
)  # fmt: skip
NUMBERS = ("observed_generation", "pods", "matched", "enforced", "observed", "refused", "warned")
FIELDS = ("pod", "container", "reason", "message")


def manifest(*reports: PolicyReport, **status: Any) -> dict[str, Any]:  # noqa: ANN401
    written = [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in reports]
    return {"metadata": {"name": "a"}, "status": {"policies": written, **status}}


@given(REPORT)
def test_a_report_is_read_as_the_model_has_it(report: PolicyReport) -> None:
    kept = reported_node(manifest(report))
    assert kept.skipped == 0
    ((key, (counts, details)),) = kept.reports().items()
    assert key == PolicyKey(report.kind, report.namespace or "", report.name)
    assert [getattr(counts, each) for each in NUMBERS] == [
        getattr(report, each) for each in NUMBERS
    ]
    assert _set(details.warnings) == _set(report.warnings)
    of_containers = [each for each in report.refusals if each.container]
    assert _set(of_containers) <= _set(details.refusals) | _set(of_containers[-2:])
    assert counts.has_refusals == bool(report.refusals)
    assert counts.has_warnings == bool(report.warnings)
    assert counts.refused_whole == any(not each.container for each in report.refusals)


def _set(refusals: Any) -> set[tuple[str, ...]]:  # noqa: ANN401
    return {tuple(getattr(each, name) for name in FIELDS) for each in refusals}


def test_texts_are_truncated_and_lone_surrogates_do_no_harm() -> None:
    long = {"pod": "p" * 999, "container": "c\ud800", "reason": "r" * 999, "message": "m" * 9999}
    odd = manifest()
    odd["status"]["policies"] = [
        {"kind": "OOMPolicy", "name": "n", "observedGeneration": 1, "refusals": [long]}
    ]
    ((_, details),) = reported_node(odd).reports().values()
    (kept,) = details.refusals
    assert list(map(len, kept)) == [2 * MAX_NAME, 2, MAX_NAME, MAX_TEXT]
    assert kept.container == "c?"
    assert report_digest(odd) is None


def test_a_heartbeat_leaves_the_digest_and_a_report_or_request_changes_it() -> None:
    report = PolicyReport(kind="OOMPolicy", name="n", observed_generation=1)
    changed = report.model_copy(update={"enforced": 1})
    usual = report_digest(manifest(report, agent={"heartbeat": "a"}))
    assert usual == report_digest(manifest(report, agent={"heartbeat": "b"}))
    assert usual != report_digest(manifest(changed))
    assert usual != report_digest(manifest(report, resizes=[{"pod": "p"}]))


def test_the_age_is_the_time_since_the_last_write_by_the_api_servers_clock() -> None:
    entries = [
        {"subresource": "status", "time": "2026-11-23T11:58:00Z"},
        {"subresource": "status", "time": "2026-11-23T11:59:00Z"},
        {"time": "2026-11-23T12:00:00Z"},
    ]
    node = manifest(agent={"heartbeat": "2031-01-01T00:00:00Z"})
    node["metadata"]["managedFields"] = entries
    assert reported_node(node, datetime(2026, 11, 23, 12, 0, 5, tzinfo=UTC)).age == 65
    assert reported_node(node).age is None
    assert reported_node(manifest(), datetime.now(UTC)).age is None


def test_equal_numbers_and_lists_of_policies_are_kept_once() -> None:
    reports = [
        PolicyReport(kind="OOMPolicy", name=f"p{number}", observed_generation=7, pods=3)
        for number in range(5)
    ]
    nodes: list[ReportedNode] = [reported_node(manifest(*reports)) for _ in range(2)]
    assert nodes[0].policies is nodes[1].policies
    assert len({id(each) for node in nodes for each in node.counts}) == 1
