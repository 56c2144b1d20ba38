import pytest
from oomwarden.api.oomnode import Refusal
from oomwarden.core.enforcement.plan import Evaluation, ScanOutcome, evaluate
from oomwarden.core.enforcement.scan_outcome import of_outcome
from oomwarden.core.enforcement.scoring import Floor
from oomwarden.core.model.remark import Remark
from oomwarden.core.policy.policy import Key, Policy
from oomwarden.core.reporting import policy_report
from oomwarden.core.reporting.policy_report import (
    MOST_REFUSALS,
    MOST_TEXT,
    MOST_WARNINGS,
    ContainerStatus,
    reports,
)

from tests.support.pods import cluster_policy, pod, policy

FLOOR = Floor(-500)


def standing(*policies: Policy) -> Evaluation:
    return evaluate(policies, "app", 899, FLOOR)


def by_key(*policies: Policy) -> dict[Key, Policy]:
    return {each.key: each for each in policies}


def test_a_policy_that_selects_no_pod_here_is_not_reported() -> None:
    assert reports(by_key(policy()), {}, [], {}) == ()


def test_a_container_that_no_scan_has_reached_yet_is_neither_enforced_nor_refused() -> None:
    item = ContainerStatus(pod(), "app", standing(policy()))
    (report,) = reports(by_key(policy()), {policy().key: 1}, [item], {})
    assert (report.matched, report.enforced, report.refused) == (1, 0, 0)
    assert report.observed_generation == 3


def test_a_missing_capability_is_told_with_the_remedy() -> None:
    failed = ScanOutcome(5, failures=2, failure="PermissionError: Permission denied")
    item = ContainerStatus(pod(), "app", standing(policy()), failed)
    (report,) = reports(by_key(policy()), {policy().key: 1}, [item], {})
    assert (report.enforced, report.refused) == (0, 1)
    assert report.refusals[0].reason == "NotPermitted"
    assert "SYS_RESOURCE" in report.refusals[0].message


def test_what_was_done_for_an_older_decision_says_nothing_of_this_one() -> None:
    old = ScanOutcome(700, frozenset({1}), own=3, failures=1)
    item = ContainerStatus(pod(), "app", standing(policy()), old)
    (report,) = reports(by_key(policy()), {policy().key: 1}, [item], {})
    assert (report.enforced, report.refused) == (0, 0)


def test_a_refused_container_counts_once_however_many_reasons_there_are() -> None:
    troubles = (Remark("Paused", "."), Remark("Stuck", "."))
    item = ContainerStatus(pod(), "app", standing(policy()), None, troubles)
    (report,) = reports(by_key(policy()), {policy().key: 1}, [item], {})
    assert report.refused == 1
    assert [each.reason for each in report.refusals] == ["Paused", "Stuck"]


def test_refusals_are_bounded_and_the_count_is_not() -> None:
    boss, loser = cluster_policy(), policy()
    items = [ContainerStatus(pod(), f"c{number:02}", standing(boss, loser)) for number in range(30)]
    found = reports(by_key(boss, loser), {boss.key: 1, loser.key: 1}, items, {})
    beaten = next(each for each in found if each.kind == "OOMPolicy")
    assert (beaten.matched, beaten.refused) == (30, 30)
    assert len(beaten.refusals) == MOST_REFUSALS
    assert beaten.refusals[0].container == "c00"


def test_no_more_is_made_than_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    refusal = Refusal

    def count(*, pod: str, container: str, reason: str, message: str) -> Refusal:
        made.append(container)
        return refusal(pod=pod, container=container, reason=reason, message=message)

    monkeypatch.setattr(policy_report, "Refusal", count)
    boss, losers = cluster_policy(), [policy(f"p{number}") for number in range(20)]
    items = [ContainerStatus(pod(), f"c{number}", standing(boss, *losers)) for number in range(40)]
    by = by_key(boss, *losers)
    reports(by, dict.fromkeys(by, 1), items, {})
    assert len(made) == 20 * MOST_REFUSALS


def test_containers_that_are_warned_of_are_counted_and_some_are_told() -> None:
    done = ScanOutcome(5, frozenset({1}))
    items = [ContainerStatus(pod(), f"c{number}", standing(policy()), done) for number in range(9)]
    remarks = (Remark("OutranksNode", "."), Remark("Other", "."))
    counts = {policy().key: 1}
    (report,) = reports(by_key(policy()), counts, items, {}, warn=lambda *_: remarks)
    assert (report.warned, len(report.warnings)) == (9, MOST_WARNINGS)


def test_harm_is_told_of_a_score_that_holds_or_that_an_observer_would_give() -> None:
    def warn(item: ContainerStatus, score: int) -> tuple[Remark, ...]:
        return (Remark("OutranksNode", f"{item.container} at {score}"),)

    def warnings(by: Policy, outcome: ScanOutcome | None) -> list[str]:
        item = ContainerStatus(pod(), "app", standing(by), outcome)
        (report,) = reports(by_key(by), {by.key: 1}, [item], {}, warn)
        return [each.message for each in report.warnings]

    assert warnings(policy(), None) == []
    assert warnings(policy(), ScanOutcome(5, frozenset({1}))) == ["app at 5"]
    assert warnings(policy(mode="Observe"), None) == ["app at 5"]


def test_each_observer_is_told_what_would_stand_in_its_own_way() -> None:
    first, second = policy("a", mode="Observe", priority=1), policy("b", mode="Observe")
    stands = ((Remark("StaticPod", "."),), ())
    item = ContainerStatus(pod(), "app", standing(first, second), planned=stands)
    found = reports(by_key(first, second), {first.key: 1, second.key: 1}, [item], {})
    told = {each.name: [refusal.reason for refusal in each.refusals] for each in found}
    assert told == {"a": ["StaticPod"], "b": []}


def test_a_message_of_any_length_is_cut() -> None:
    item = ContainerStatus(
        pod(), "app", standing(policy()), None, (Remark("Failed", "x" * 100_000),)
    )
    counts, key = {policy().key: 1}, ("OOMPolicy", "shop", "broken")
    found = reports(by_key(policy()), counts, [item], {key: "x" * 100_000})
    told = [refusal.message for report in found for refusal in report.refusals]
    assert [len(each) for each in told] == [MOST_TEXT, MOST_TEXT]
    assert told[1].endswith("x...")


def test_a_container_that_forks_faster_than_it_is_scanned_says_so() -> None:
    item = ContainerStatus(
        pod(), "app", standing(policy()), ScanOutcome(5, frozenset({1}), complete=False)
    )
    (report,) = reports(by_key(policy()), {policy().key: 1}, [item], {})
    assert [each.reason for each in report.refusals] == ["Forking"]


@pytest.mark.parametrize(
    ("outcome", "reason", "remedy"),
    [
        (ScanOutcome(5, unsaved=2, complete=False), "NotSaved", "disk"),
        (ScanOutcome(5, too_many=3), "TooManyOwnScores", "Narrow"),
    ],
)
def test_scores_of_their_own_that_were_not_written_over_are_told_with_the_remedy(
    outcome: ScanOutcome, reason: str, remedy: str
) -> None:
    (told,) = of_outcome(outcome)
    assert told.reason == reason
    assert remedy in told.message
    assert str(outcome.unsaved or outcome.too_many) in told.message


def test_a_container_with_more_cgroups_than_are_visited_says_so_and_is_not_in_force() -> None:
    item = ContainerStatus(
        pod(), "app", standing(policy()), ScanOutcome(5, frozenset({1}), unreached=True)
    )
    (report,) = reports(by_key(policy()), {policy().key: 1}, [item], {})
    assert [each.reason for each in report.refusals] == ["TooManyCgroups"]
    assert "cgroup.max.descendants" in report.refusals[0].message
    assert report.enforced == 0


def test_reports_come_in_the_same_order_whatever_the_order_of_containers() -> None:
    first, second = policy("a", mode="Observe", priority=1), policy("b")
    items = [ContainerStatus(pod(), name, standing(first, second)) for name in ("y", "x")]
    counts = {first.key: 1, second.key: 1}
    one = reports(by_key(first, second), counts, items, {})
    other = reports(by_key(second, first), counts, items[::-1], {})
    assert one == other
    assert [each.name for each in one] == ["a", "b"]
