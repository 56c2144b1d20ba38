from oomwarden.core.plan import Outcome, Standing, evaluate
from oomwarden.core.policies import Key, Policy
from oomwarden.core.reports import MOST_REFUSALS, Item, reports
from oomwarden.core.scoring import Floor, Remark
from pods import cluster_policy, pod, policy

FLOOR = Floor(-500)


def standing(*policies: Policy) -> Standing:
    return evaluate(policies, "app", 899, FLOOR)


def by_key(*policies: Policy) -> dict[Key, Policy]:
    return {each.key: each for each in policies}


def test_a_policy_that_selects_no_pod_here_is_not_reported() -> None:
    assert reports(by_key(policy()), {}, [], {}) == ()


def test_a_container_that_no_scan_has_reached_yet_is_neither_enforced_nor_refused() -> None:
    item = Item(pod(), "app", standing(policy()))
    (report,) = reports(by_key(policy()), {policy().key: 1}, [item], {})
    assert (report.matched, report.enforced, report.refused) == (1, 0, 0)
    assert report.observed_generation == 3


def test_a_missing_capability_is_told_with_the_remedy() -> None:
    failed = Outcome(5, failures=2, failure="PermissionError: Permission denied")
    item = Item(pod(), "app", standing(policy()), failed)
    (report,) = reports(by_key(policy()), {policy().key: 1}, [item], {})
    assert (report.enforced, report.refused) == (0, 1)
    assert report.refusals[0].reason == "NotPermitted"
    assert "SYS_RESOURCE" in report.refusals[0].message


def test_what_was_done_for_an_older_decision_says_nothing_of_this_one() -> None:
    old = Outcome(700, frozenset({1}), own=3, failures=1)
    item = Item(pod(), "app", standing(policy()), old)
    (report,) = reports(by_key(policy()), {policy().key: 1}, [item], {})
    assert (report.enforced, report.refused) == (0, 0)


def test_a_refused_container_counts_once_however_many_reasons_there_are() -> None:
    troubles = (Remark("Paused", "."), Remark("Stuck", "."))
    item = Item(pod(), "app", standing(policy()), None, troubles)
    (report,) = reports(by_key(policy()), {policy().key: 1}, [item], {})
    assert report.refused == 1
    assert [each.reason for each in report.refusals] == ["Paused", "Stuck"]


def test_refusals_are_bounded_and_the_count_is_not() -> None:
    boss, loser = cluster_policy(), policy()
    items = [Item(pod(), f"c{number:02}", standing(boss, loser)) for number in range(30)]
    found = reports(by_key(boss, loser), {boss.key: 1, loser.key: 1}, items, {})
    beaten = next(each for each in found if each.kind == "OOMPolicy")
    assert (beaten.matched, beaten.refused) == (30, 30)
    assert len(beaten.refusals) == MOST_REFUSALS
    assert beaten.refusals[0].container == "c00"


def test_reports_come_in_the_same_order_whatever_the_order_of_containers() -> None:
    first, second = policy("a", mode="Observe", priority=1), policy("b")
    items = [Item(pod(), name, standing(first, second)) for name in ("y", "x")]
    counts = {first.key: 1, second.key: 1}
    one = reports(by_key(first, second), counts, items, {})
    other = reports(by_key(second, first), counts, items[::-1], {})
    assert one == other
    assert [each.name for each in one] == ["a", "b"]
