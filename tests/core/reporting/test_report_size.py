"""However many policies there are, OOMNode stays far below etcd's limit."""

import json

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from oomwarden.api.codec.codec import encode
from oomwarden.api.oomnode import PolicyReport, Refusal
from oomwarden.core.enforcement.evaluation import (
    evaluate,
)
from oomwarden.core.enforcement.scoring import Floor
from oomwarden.core.reporting.policy_report import ContainerStatus, policy_reports
from oomwarden.core.reporting.report_size import MAX_BYTES, fit_reports

from tests.support.pods import pod, policy

ETCD_BYTES = 1_572_864
"""What etcd takes by default (--max-request-bytes)."""


def refusal(number: int = 0, message: str = "why") -> Refusal:
    return Refusal(pod=f"shop/db-{number}", container="app", reason="Overridden", message=message)


def report(
    name: str, namespace: str | None = "shop", reported: int = 0, message: str = "why"
) -> PolicyReport:
    return PolicyReport(
        kind="OOMPolicy" if namespace else "ClusterOOMPolicy",
        namespace=namespace,
        name=name,
        observed_generation=1,
        refused=reported,
        refusals=tuple(refusal(number, message) for number in range(reported)),
    )


def stored(found: tuple[PolicyReport, ...]) -> int:
    """Count bytes as the API server writes them: Go's encoder escapes what HTML would read."""
    manifests = [encode(each) for each in found]
    text = json.dumps(manifests, separators=(",", ":"), ensure_ascii=False)
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return len(text.encode())


def test_reports_that_fit_are_complete() -> None:
    found = (report("a", reported=3), report("b", "other"), report("c", None, reported=1))
    assert fit_reports(found) == (found, 0)


def test_all_counts_come_before_any_messages() -> None:
    found = tuple(report(f"p{number}", reported=10) for number in range(50))
    most = 10_000
    kept, left_out = fit_reports(found, most)
    assert ([each.name for each in kept], left_out) == ([each.name for each in found], 0)
    assert {each.refused for each in kept} == {10}
    assert stored(kept) <= most + 2


def test_one_refusal_of_each_policy_comes_before_the_second_of_any() -> None:
    found = (report("a", reported=10), report("b", reported=10))
    for most in range(stored(found[:1]), stored(found), 50):
        kept, _ = fit_reports(found, most)
        reported = [len(each.refusals) for each in kept]
        assert 0 <= reported[0] - reported[1] <= 1, most
        assert [each.refusals for each in kept] == [
            full.refusals[:number] for full, number in zip(found, reported, strict=True)
        ]


def test_no_namespace_takes_the_room_of_another_and_cluster_policies_come_first() -> None:
    crowd = tuple(report(f"p{number:04}", "crowd") for number in range(5000))
    found = (report("all", None), *crowd, report("db", "shop"))
    kept, left_out = fit_reports(found)
    assert (kept[0].name, kept[-1].name) == ("all", "db")
    assert left_out == len(found) - len(kept) > 0
    assert stored(kept) <= MAX_BYTES + 2


def test_500_policies_on_each_container_of_a_full_node_stay_far_below_etcds_limit() -> None:
    policies = [policy(f"policy-{number:0200}", priority=number) for number in range(500)]
    evaluated = evaluate(policies, "app", 899, Floor(-500))
    items = [ContainerStatus(pod(), f"app-{number}", evaluated) for number in range(330)]
    by_key = {each.key: each for each in policies}
    kept, left_out = fit_reports(policy_reports(by_key, dict.fromkeys(by_key, 110), items, {}))
    assert stored(kept) < ETCD_BYTES / 3
    assert (len(kept), left_out) == (500, 0)
    assert sum(each.matched for each in kept) == 500 * 330
    assert sum(each.refused for each in kept) == 499 * 330
    assert all(each.refusals for each in kept if each.refused)


TEXT = st.text(alphabet='a<&é\u20ac"\\', max_size=80)


@given(
    st.lists(
        st.builds(report, TEXT, st.sampled_from([None, "a", "b"]), st.integers(0, 4), TEXT),
        max_size=12,
        unique_by=id,
    ),
    st.integers(0, 4000),
)
def test_the_bound_is_never_exceeded_and_the_rest_is_counted(
    found: list[PolicyReport], most: int
) -> None:
    kept, left_out = fit_reports(found, most)
    assert stored(kept) <= most + 2
    assert len(kept) + left_out == len(found)
    numbers = [structs.replace(each, refusals=()) for each in found]
    assert all(structs.replace(each, refusals=()) in numbers for each in kept)
