import pytest
from oomwarden.api.oomnode import Refusal
from oomwarden.core.enforcement.evaluation import (
    Evaluation,
    evaluate,
)
from oomwarden.core.enforcement.plan import (
    ScanOutcome,
)
from oomwarden.core.enforcement.scan_outcome import outcome_remarks
from oomwarden.core.enforcement.scoring import Floor
from oomwarden.core.model.remark import Remark
from oomwarden.core.policy.policy import Policy, PolicyKey
from oomwarden.core.reporting import policy_report as core_reports
from oomwarden.core.reporting.policy_report import (
    MAX_REFUSALS,
    MAX_TEXT,
    MAX_WARNINGS,
    ContainerStatus,
    ReportHooks,
    policy_reports,
)

from tests.support.pods import cluster_policy, pod, policy

FLOOR = Floor(-500)


def evaluated(*policies: Policy) -> Evaluation:
    return evaluate(policies, "app", 899, FLOOR)


def by_key(*policies: Policy) -> dict[PolicyKey, Policy]:
    return {each.key: each for each in policies}


def test_a_policy_that_selects_no_pod_here_is_not_reported() -> None:
    assert policy_reports(by_key(policy()), {}, [], {}) == ()


def test_a_container_that_no_scan_has_reached_yet_is_neither_enforced_nor_refused() -> None:
    item = ContainerStatus(pod(), "app", evaluated(policy()))
    (report,) = policy_reports(by_key(policy()), {policy().key: 1}, [item], {})
    assert (report.matched, report.enforced, report.refused) == (1, 0, 0)
    assert report.observed_generation == 3


def test_a_missing_capability_is_reported_with_the_remedy() -> None:
    failed = ScanOutcome(5, failures=2, failure="PermissionError: Permission denied")
    item = ContainerStatus(pod(), "app", evaluated(policy()), failed)
    (report,) = policy_reports(by_key(policy()), {policy().key: 1}, [item], {})
    assert (report.enforced, report.refused) == (0, 1)
    assert report.refusals[0].reason == "NotPermitted"
    assert "SYS_RESOURCE" in report.refusals[0].message


def test_the_outcome_of_an_older_plan_does_not_count() -> None:
    old = ScanOutcome(700, frozenset({1}), own=3, failures=1)
    item = ContainerStatus(pod(), "app", evaluated(policy()), old)
    (report,) = policy_reports(by_key(policy()), {policy().key: 1}, [item], {})
    assert (report.enforced, report.refused) == (0, 0)


def test_a_refused_container_counts_once_for_any_number_of_reasons() -> None:
    troubles = (Remark("Paused", "."), Remark("Stuck", "."))
    item = ContainerStatus(pod(), "app", evaluated(policy()), None, troubles)
    (report,) = policy_reports(by_key(policy()), {policy().key: 1}, [item], {})
    assert report.refused == 1
    assert [each.reason for each in report.refusals] == ["Paused", "Stuck"]


def test_listed_refusals_are_bounded_and_their_count_is_not() -> None:
    boss, loser = cluster_policy(), policy()
    items = [
        ContainerStatus(pod(), f"c{number:02}", evaluated(boss, loser)) for number in range(30)
    ]
    found = policy_reports(by_key(boss, loser), {boss.key: 1, loser.key: 1}, items, {})
    beaten = next(each for each in found if each.kind == "OOMPolicy")
    assert (beaten.matched, beaten.refused) == (30, 30)
    assert len(beaten.refusals) == MAX_REFUSALS
    assert beaten.refusals[0].container == "c00"


def test_no_more_messages_are_built_than_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    refusal = Refusal

    def count(*, pod: str, container: str, reason: str, message: str) -> Refusal:
        made.append(container)
        return refusal(pod=pod, container=container, reason=reason, message=message)

    monkeypatch.setattr(core_reports, "Refusal", count)
    boss, losers = cluster_policy(), [policy(f"p{number}") for number in range(20)]
    items = [ContainerStatus(pod(), f"c{number}", evaluated(boss, *losers)) for number in range(40)]
    by = by_key(boss, *losers)
    policy_reports(by, dict.fromkeys(by, 1), items, {})
    assert len(made) == 20 * MAX_REFUSALS


def test_containers_with_warnings_are_counted_and_some_are_listed() -> None:
    done = ScanOutcome(5, frozenset({1}))
    items = [ContainerStatus(pod(), f"c{number}", evaluated(policy()), done) for number in range(9)]
    remarks = (Remark("OutranksNode", "."), Remark("Other", "."))
    counts = {policy().key: 1}
    (report,) = policy_reports(by_key(policy()), counts, items, {}, ReportHooks(lambda *_: remarks))
    assert (report.warned, len(report.warnings)) == (9, MAX_WARNINGS)


def test_harm_is_reported_of_a_score_in_force_or_of_an_observer() -> None:
    def warn(item: ContainerStatus, score: int) -> tuple[Remark, ...]:
        return (Remark("OutranksNode", f"{item.container} at {score}"),)

    def warnings(by: Policy, outcome: ScanOutcome | None) -> list[str]:
        item = ContainerStatus(pod(), "app", evaluated(by), outcome)
        (report,) = policy_reports(by_key(by), {by.key: 1}, [item], {}, ReportHooks(warn))
        return [each.message for each in report.warnings]

    assert warnings(policy(), None) == []
    assert warnings(policy(), ScanOutcome(5, frozenset({1}))) == ["app at 5"]
    assert warnings(policy(mode="Observe"), None) == ["app at 5"]


def test_each_observer_reports_its_own_obstacles() -> None:
    first, second = policy("a", mode="Observe", priority=1), policy("b", mode="Observe")
    stands = ((Remark("StaticPod", "."),), ())
    item = ContainerStatus(pod(), "app", evaluated(first, second), observer_remarks=stands)
    found = policy_reports(by_key(first, second), {first.key: 1, second.key: 1}, [item], {})
    reported = {each.name: [refusal.reason for refusal in each.refusals] for each in found}
    assert reported == {"a": ["StaticPod"], "b": []}


def test_a_message_of_any_length_is_truncated() -> None:
    item = ContainerStatus(
        pod(), "app", evaluated(policy()), None, (Remark("Failed", "x" * 100_000),)
    )
    counts, key = {policy().key: 1}, PolicyKey("OOMPolicy", "shop", "broken")
    found = policy_reports(by_key(policy()), counts, [item], {key: "x" * 100_000})
    reported = [refusal.message for report in found for refusal in report.refusals]
    assert [len(each) for each in reported] == [MAX_TEXT, MAX_TEXT]
    assert reported[1].endswith("x...")


def test_a_container_that_forks_faster_than_it_is_scanned_is_reported() -> None:
    item = ContainerStatus(
        pod(), "app", evaluated(policy()), ScanOutcome(5, frozenset({1}), complete=False)
    )
    (report,) = policy_reports(by_key(policy()), {policy().key: 1}, [item], {})
    assert [each.reason for each in report.refusals] == ["Forking"]


@pytest.mark.parametrize(
    ("outcome", "reason", "remedy"),
    [
        (ScanOutcome(5, unsaved=2, complete=False), "NotSaved", "disk"),
        (ScanOutcome(5, too_many=3), "TooManyOwnScores", "Narrow"),
    ],
)
def test_own_scores_that_were_not_overwritten_are_reported_with_the_remedy(
    outcome: ScanOutcome, reason: str, remedy: str
) -> None:
    (reported,) = outcome_remarks(outcome)
    assert reported.reason == reason
    assert remedy in reported.message
    assert str(outcome.unsaved or outcome.too_many) in reported.message


def test_a_container_with_too_many_cgroups_is_reported_and_not_in_force() -> None:
    item = ContainerStatus(
        pod(), "app", evaluated(policy()), ScanOutcome(5, frozenset({1}), cgroups_skipped=True)
    )
    (report,) = policy_reports(by_key(policy()), {policy().key: 1}, [item], {})
    assert [each.reason for each in report.refusals] == ["TooManyCgroups"]
    assert "cgroup.max.descendants" in report.refusals[0].message
    assert report.enforced == 0


def test_the_order_of_reports_does_not_depend_on_the_order_of_containers() -> None:
    first, second = policy("a", mode="Observe", priority=1), policy("b")
    items = [ContainerStatus(pod(), name, evaluated(first, second)) for name in ("y", "x")]
    counts = {first.key: 1, second.key: 1}
    one = policy_reports(by_key(first, second), counts, items, {})
    other = policy_reports(by_key(second, first), counts, items[::-1], {})
    assert one == other
    assert [each.name for each in one] == ["a", "b"]


def test_each_refused_container_is_noted_once_with_its_first_reason() -> None:
    remarks, noted = (Remark("NotSaved", "."), Remark("Other", ".")), list[tuple[str, str]]()
    count = MAX_REFUSALS + 3
    items = [
        ContainerStatus(pod(), f"app-{n}", evaluated(policy()), remarks=remarks)
        for n in range(count)
    ]
    hooks = ReportHooks(refused=lambda key, reason: noted.append((key.name, reason)))
    policy_reports(by_key(policy()), {policy().key: count}, items, {}, hooks)
    assert noted == [(policy().name, "NotSaved")] * count
