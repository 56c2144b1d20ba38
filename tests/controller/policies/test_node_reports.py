"""OOMNodes of any size and shape become small reports by policy, and resize requests."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.api.codec.codec import decode
from oomwarden.api.oomnode import OOMNodeStatus, Resize
from oomwarden.api.policy import PolicyStatus
from oomwarden.controller.policies.node_reports import NodeReports
from oomwarden.controller.policies.oompolicy_cache import OOMPolicyCache
from oomwarden.core.fleet.node_report import (
    MAX_COUNTED,
    MAX_REFUSALS_PER_NODE,
    MAX_REPORTS,
    ReportedNode,
    reported_node,
)
from oomwarden.core.objects.unreadable import UnreadableObjects
from oomwarden.core.policy.policy import PolicyKey

from bench.reports_of_nodes import oomnode

DB = PolicyKey("OOMPolicy", "shop", "db")
REQUEST = {
    "namespace": "shop", "pod": "db-0", "uid": "u", "container": "app", "limit": "1Gi",
    "policy": "p",
}  # fmt: skip
REPORT = {"kind": "OOMPolicy", "namespace": "shop", "name": "db", "observedGeneration": 4}


def node(name: str = "a", **status: object) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"agent": {"heartbeat": "t"}, **status}}


class World:
    def __init__(self) -> None:
        self.changed: list[PolicyKey] = []
        self.requests: dict[str, tuple[Resize, ...]] = {}
        self.reports = NodeReports(
            self.changed.extend, self.requests.__setitem__, UnreadableObjects()
        )


def unconnected() -> NodeReports:
    return NodeReports(lambda _: None, lambda *_: None, UnreadableObjects())


def test_a_report_is_kept_by_policy_and_node() -> None:
    world = World()
    world.reports.apply(node(policies=[REPORT | {"enforced": 2}]))
    found = world.reports.for_policy(DB)
    assert found.totals.by_node["a"].enforced == found.totals.enforced == 2
    assert world.changed == [DB]


def test_an_unchanged_report_queues_nothing() -> None:
    world = World()
    for _ in range(2):
        world.reports.apply(node(policies=[REPORT]))
    assert world.changed == [DB]


def test_a_deleted_node_leaves_nothing_behind() -> None:
    world = World()
    world.reports.apply(node(policies=[REPORT], resizes=[REQUEST]))
    world.reports.apply(node("b", policies=[REPORT]))
    world.reports.delete(node())
    assert list(world.reports.for_policy(DB).totals.by_node) == ["b"]
    world.reports.replace([])
    left = (world.reports._totals, world.reports._nodes, world.reports._heartbeats._changed)
    assert left == ({}, {}, {})
    assert world.requests == {"a": (), "b": ()}


def test_valid_requests_are_passed_on_and_invalid_parts_are_skipped_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    malformed = node(resizes=[{"pod": 5}, REQUEST], policies=[{"kind": "?"}, 7, REPORT])
    for _ in range(2):
        world.reports.apply(malformed)
    assert [each.pod for each in world.requests["a"]] == ["db-0"]
    assert len(world.reports.for_policy(DB).totals.by_node) == 1
    assert caplog.text.count("OOMNode a: 3 parts") == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["policies", "resizes", "agent", "refusals"]), inner)
    ),
    max_leaves=10,
)


@given(JSON, JSON, JSON)
def test_no_status_of_any_shape_stops_the_operator(status: Any, policies: Any, agent: Any) -> None:  # noqa: ANN401
    manifests = [
        {"metadata": {"name": "a"}, "status": status},
        node(policies=policies, resizes=policies, agent=agent),
        node(policies=[policies], resizes=[policies]),
    ]
    for each in manifests:
        unconnected().apply(each)


def test_counts_are_kept_exactly_and_refusals_up_to_the_bound() -> None:
    manifest = oomnode(1, policies=500, refusals=10)
    kept = reported_node(manifest)
    status = decode(OOMNodeStatus, manifest["status"])
    reports = kept.reports()
    assert len(reports) == len(status.policies)
    for report in status.policies:
        found, _ = reports[PolicyKey(report.kind, report.namespace or "", report.name)]
        assert (found.pods, found.refused) == (report.pods, report.refused)
    assert sum(len(each.refusals) for _, each in reports.values()) == MAX_REFUSALS_PER_NODE


def test_a_refusal_of_the_whole_policy_comes_before_those_of_containers() -> None:
    def refusal(container: str) -> dict[str, str]:
        return {"pod": "", "container": container, "reason": "R", "message": "m"}

    refusals = [refusal(f"c{number}") for number in range(9)] + [refusal("")]
    kept = reported_node(node(policies=[REPORT | {"refusals": refusals}]))
    ((_, details),) = kept.reports().values()
    assert [each.container for each in details.refusals] == ["", "c0", "c1"]


def test_the_largest_oomnode_needs_little_memory() -> None:
    text = json.dumps(oomnode(1, policies=500, refusals=2) | {"padding": "x" * 10})
    huge = [node(f"n{n}", policies=[REPORT | {"name": f"p{n}-{p}", "refusals": [
        {"pod": f"{p}" * 9, "container": f"c{p}", "reason": f"r{p}", "message": f"{p}" * 9000}
    ]} for p in range(3000)]) for n in range(3)]  # fmt: skip
    reports = unconnected()
    tracemalloc.start()
    for name in range(5):
        reports.apply(json.loads(text) | {"metadata": {"name": f"m{name}"}})
    usual = tracemalloc.get_traced_memory()[0] / 5
    for each in huge:
        reports.apply(each)
    worst = (tracemalloc.get_traced_memory()[0] - 5 * usual) / 3
    tracemalloc.stop()
    assert usual < 200 * 1024  # the models would need 2 MiB
    assert worst < 4 << 20  # the texts alone have 27 MiB
    assert len(reported_node(huge[0]).policies) == MAX_REPORTS
    assert reported_node(huge[0]).skipped == 1000


def test_generation_and_status_of_a_policy_are_kept() -> None:
    changed: list[PolicyKey] = []
    own = OOMPolicyCache(changed.extend)
    metadata = {"namespace": "shop", "name": "db", "generation": 4}
    own.apply({"metadata": metadata, "spec": {}, "status": {"enforced": 2}})
    assert (own.policies[DB].generation, own.policies[DB].status) == (4, PolicyStatus(enforced=2))
    own.apply({"metadata": metadata, "spec": {}, "status": {"enforced": "many"}})
    assert own.policies[DB].status == PolicyStatus()
    own.delete({"metadata": metadata})
    assert (own.policies, changed) == ({}, [DB, DB])


def test_the_refusal_of_a_whole_policy_is_kept_however_many_others_are_refused() -> None:
    refused = [{"pod": "p", "container": "c", "reason": "R", "message": "m"}]
    left_out = [{"pod": "", "container": "", "reason": "LeftOut", "message": "no room"}]
    others = [REPORT | {"name": f"p{n}", "refusals": refused} for n in range(MAX_REFUSALS_PER_NODE)]
    policies = [*others, *(REPORT | {"name": name, "refusals": left_out} for name in ("y", "z"))]
    kept = reported_node(node(policies=policies))
    found = [each.refusals[0].reason for key, (_, each) in kept.reports().items()
             if key.name in "yz"]  # fmt: skip
    assert found == ["LeftOut", "LeftOut"]


@pytest.mark.parametrize(("reported", "kept"), [(2**63 - 1, MAX_COUNTED), (-5, 0), (7, 7)])
def test_counts_of_one_node_cannot_overflow_the_sum_of_a_policy(reported: int, kept: int) -> None:
    counts = dict.fromkeys(
        ("pods", "matched", "enforced", "observed", "refused", "warned"), reported
    )
    ((report, _),) = reported_node(node(policies=[REPORT | counts])).reports().values()
    assert {report.pods, report.matched, report.enforced, report.observed} == {kept}
    assert {report.refused, report.warned} == {kept}


@pytest.mark.parametrize(
    ("heartbeat", "age", "state"),
    [
        ("2000-01-01T00:00:00Z", 659, "Reporting"),
        ("9999-12-31T23:59:59-14:00", 661, "Silent"),
        ("\x00 yesterday", None, "Reporting"),
        ("", 5, "Silent"),
    ],
)
def test_a_node_is_silent_eleven_minutes_after_its_last_write_whatever_its_clock_shows(
    heartbeat: str, age: float | None, state: str
) -> None:
    reports = unconnected()
    assert reports.by_state() is None
    reports.replace([reported_node(node(agent={"heartbeat": heartbeat}))._replace(age=age)])
    found = reports.by_state()
    assert found is not None
    assert {each for each, count in found.items() if count} == {state}


def test_a_node_without_a_status_is_silent_and_a_deleted_one_is_not_counted() -> None:
    reports = unconnected()
    reports.replace([ReportedNode("a"), ReportedNode("b")])
    reports.delete({"metadata": {"name": "b"}})
    assert reports.by_state() == {"Reporting": 0, "Silent": 1}


def test_a_heartbeat_ends_silence_and_changes_no_policy() -> None:
    world, now = World(), [0.0]
    world.reports.clock = lambda: now[0]
    world.reports.apply(node(policies=[REPORT]))
    world.changed.clear()
    for now[0] in range(60, 721, 60):  # bookmarks arrive
        world.reports.hear()
    assert world.reports.silent() == {"a"}
    world.reports.apply(node(policies=[REPORT], agent={"heartbeat": "later"}))
    assert world.reports.silent() == set()
    assert world.changed == []


def test_a_text_that_changes_alone_queues_its_policy() -> None:
    def refused(message: str) -> dict[str, Any]:
        refusal = {"pod": "p", "container": "c", "reason": "R", "message": message}
        other = REPORT | {"name": "other"}
        return node(policies=[other, REPORT | {"refused": 1, "refusals": [refusal]}])

    world = World()
    world.reports.apply(refused("a"))
    world.changed.clear()
    world.reports.apply(refused("b"))
    assert world.changed == [DB]
    assert world.reports.for_policy(DB).details("a").refusals[0].message == "b"
