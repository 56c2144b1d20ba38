"""Sums that are kept up to date equal those of a new list."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.controller.policies.node_reports import NodeReports
from oomwarden.core.fleet.node_report import reported_node
from oomwarden.core.objects.unreadable import UnreadableObjects

REPORT = {"kind": "OOMPolicy", "namespace": "shop"}


def node(name: str, **status: object) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"agent": {"heartbeat": "t"}, **status}}


def unconnected() -> NodeReports:
    return NodeReports(lambda _: None, lambda *_: None, UnreadableObjects())


REPORTS = st.dictionaries(
    st.sampled_from("abc"),  # policies
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from(["", "why", "other"])),
    max_size=3,
)


def _report_of(name: str, generation: int, count: int, why: str) -> dict[str, Any]:
    refusal = {"pod": "p", "container": "" if count == 2 else "c", "reason": "R", "message": why}
    counts = dict.fromkeys(("pods", "matched", "enforced", "observed", "refused", "warned"), count)
    texts = {"refusals": [refusal], "warnings": [refusal]} if why else {}
    return REPORT | counts | texts | {"name": name, "observedGeneration": generation}


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.none() | REPORTS), max_size=20))
def test_sums_that_are_kept_up_to_date_equal_those_of_a_new_list(
    events: list[tuple[str, dict[str, tuple[int, int, str]] | None]],
) -> None:
    kept, last = unconnected(), dict[str, dict[str, Any]]()
    for name, reports in events:
        if reports is None:
            kept.delete(node(name))
            last.pop(name, None)
        else:
            policies = [_report_of(policy, *each) for policy, each in reports.items()]
            last[name] = node(name, policies=policies)
            kept.apply(last[name])
    fresh = unconnected()
    fresh.replace([reported_node(each) for each in last.values()])
    assert kept._totals == fresh._totals
    for key, totals in fresh._totals.items():
        for each in totals.by_node:
            details = kept.for_policy(key).details(each)
            assert details == fresh.for_policy(key).details(each)
