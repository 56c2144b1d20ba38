from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.quota.pressure import YOUNG_SECONDS
from oomwarden.core.quota.retention import (
    DAY_SECONDS,
    Bounds,
    Exempt,
    RetentionFilter,
    StoredRecord,
)

NOW = 1_800_000_000.0
OLD = NOW - 2 * YOUNG_SECONDS


def record(
    number: int, created: float = OLD, pod: str = "a", namespace: str = "shop"
) -> StoredRecord:
    return StoredRecord(
        created, f"{pod}-{number:03}", namespace, f"uid-{namespace}-{pod}-{number}", pod
    )


def deleted(bounds: Bounds, records: Iterable[StoredRecord]) -> set[str]:
    retention = RetentionFilter(bounds, NOW)
    found = [one for record in records for one in retention.add(record)] + retention.finish()
    assert len(found) == len(set(found))
    return {one.name for one in found}


def ages(*seconds: float, pod: str = "a") -> list[StoredRecord]:
    return [record(number, NOW - age, pod) for number, age in enumerate(seconds)]


def test_a_record_is_deleted_when_its_days_are_over_and_not_before() -> None:
    bounds = Bounds(days=2, per_pod=0, per_namespace=0)
    assert deleted(bounds, ages(2 * DAY_SECONDS, 2 * DAY_SECONDS + 1)) == {"a-001"}


def test_the_newest_of_a_pod_are_kept() -> None:
    bounds = Bounds(days=0, per_pod=2, per_namespace=0)
    records = [*ages(9000, 7000, 8000), *ages(99000, pod="b")]
    assert deleted(bounds, records) == {"a-000"}


def test_the_newest_of_a_namespace_are_kept_whatever_their_pod() -> None:
    bounds = Bounds(days=0, per_pod=0, per_namespace=2)
    records = [*ages(9000, 7000), *ages(8000, pod="b")]
    assert deleted(bounds, records) == {"a-000"}


def test_surplus_records_of_a_pod_do_not_displace_those_of_other_pods() -> None:
    bounds = Bounds(days=0, per_pod=1, per_namespace=2)
    records = [*ages(7000, 7001, 7002, 7003), *ages(90000, pod="b")]
    assert deleted(bounds, records) == {"a-001", "a-002", "a-003"}


def test_each_namespace_is_counted_separately() -> None:
    bounds = Bounds(days=0, per_pod=0, per_namespace=1)
    assert deleted(bounds, [record(1), record(1, namespace="other")]) == set()


def test_a_young_record_is_kept_whatever_the_numbers_and_is_counted() -> None:
    bounds = Bounds(days=0, per_pod=1, per_namespace=1)
    assert deleted(bounds, ages(60, YOUNG_SECONDS, YOUNG_SECONDS + 1)) == {"a-002"}


def test_without_limits_all_are_kept_and_none_is_remembered() -> None:
    retention = RetentionFilter(Bounds(0, 0, 0), NOW)
    assert all(retention.add(one) == [] for one in ages(*range(0, 10**9, 10**7)))
    assert retention._kept == 0


def test_no_more_than_twice_the_limit_of_a_namespace_is_remembered() -> None:
    retention = RetentionFilter(Bounds(days=0, per_pod=0, per_namespace=10), NOW)
    kept = 0
    for number in range(1000):
        retention.add(record(number, pod=f"pod-{number}"))
        kept = max(kept, sum(map(len, retention._pods.values())))
    assert kept < 20


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        (Bounds(), "30 days, 50 per pod, 1000 per namespace, 50000 in total"),
        (Bounds(0, 3, 0, 0), "3 per pod"),
        (Bounds(0, 0, 0, 0), "no limit"),
    ],
)
def test_bounds_are_readable(bounds: Bounds, text: str) -> None:
    assert str(bounds) == text


def is_surplus(record: StoredRecord, all_of_them: list[StoredRecord], bounds: Bounds) -> bool:
    """Apply the limits to all records together."""
    days = bounds.days or 10**6
    alive = [one for one in all_of_them if NOW - one.created <= days * DAY_SECONDS]
    if record not in alive:
        return True

    def newer_in_pod(one: StoredRecord) -> int:
        return sum(other.pod == one.pod and other > one for other in alive)

    of_pods = [one for one in alive if not bounds.per_pod or newer_in_pod(one) < bounds.per_pod]
    newer = sum(other > record for other in of_pods)
    displaced = bool(bounds.per_namespace) and newer >= bounds.per_namespace
    too_many = record not in of_pods or displaced
    return too_many and NOW - record.created > YOUNG_SECONDS


BOUNDS = st.builds(Bounds, *(st.integers(0, 4) for _ in range(3)))
RECORDS = st.lists(
    st.builds(
        lambda number, age, pod: record(number, NOW - age, pod),
        st.integers(0, 999),
        st.sampled_from([0.0, 1800.0, 4000.0, 5000.0, DAY_SECONDS, 3 * DAY_SECONDS]),
        st.sampled_from("abc"),
    ),
    unique_by=lambda one: one.uid,
    max_size=30,
)


@given(bounds=BOUNDS, records=RECORDS)
def test_the_order_of_records_does_not_matter(bounds: Bounds, records: list[StoredRecord]) -> None:
    expected = {one.name for one in records if is_surplus(one, records, bounds)}
    assert deleted(bounds, records) == expected
    assert deleted(bounds, reversed(records)) == expected


@given(bounds=BOUNDS, records=RECORDS)
def test_a_namespace_that_comes_again_loses_no_record_that_should_be_kept(
    bounds: Bounds, records: list[StoredRecord]
) -> None:
    between = replace(record(0, NOW), namespace="other", name="between", uid="between")
    mixed = [each for one in records for each in (one, between)]
    expected = {one.name for one in records if is_surplus(one, records, bounds)}
    assert deleted(bounds, mixed) <= expected


def test_a_namespaces_share_of_the_cluster_limit_is_a_limit_too() -> None:
    retention = RetentionFilter(Bounds(days=0, per_pod=0, per_namespace=9), NOW, share=1)
    found = [
        one for each in ages(9000, 7000, 8000) for one in retention.add(each)
    ] + retention.finish()
    assert {one.name for one in found} == {"a-000", "a-002"}


IN_NEED = Exempt(others=600)


@given(records=RECORDS, exempt=st.sampled_from([Exempt(), IN_NEED]))
def test_the_newest_record_of_a_pod_is_kept_while_it_is_young(
    records: list[StoredRecord], exempt: Exempt
) -> None:
    retention = RetentionFilter(Bounds(0, 1, 1), NOW, share=1, exempt=exempt)
    found = [one for each in records for one in retention.add(each)] + retention.finish()
    newest = {max(one for one in records if one.pod == pod) for pod in "abc" if any(
        one.pod == pod for one in records
    )}  # fmt: skip
    assert not {one for one in found if one in newest and NOW - one.created <= YOUNG_SECONDS}


def test_far_beyond_the_limit_records_of_ten_minutes_are_deleted_if_the_pod_has_newer_ones() -> (
    None
):
    retention = RetentionFilter(Bounds(0, 0, 0), NOW, share=1, exempt=IN_NEED)
    records = [*ages(500, 700, 1800, 3500), *ages(3500, pod="b")]
    found = [one for each in records for one in retention.add(each)] + retention.finish()
    assert {one.name for one in found} == {"a-001", "a-002", "a-003"}


def bounds_of(records: list[StoredRecord], bounds: Bounds, share: int | None) -> dict[str, str]:
    retention = RetentionFilter(bounds, NOW, share)
    found = [one for each in records for one in retention.add(each)] + retention.finish()
    return {one.name: str(one.exceeds) for one in found}


def test_a_record_to_delete_says_which_bound_it_exceeds() -> None:
    records = [*ages(99 * DAY_SECONDS, 9000, 8000, 7000), *ages(9500, pod="b")]
    bounds = Bounds(days=30, per_pod=2, per_namespace=2)
    assert bounds_of(records, bounds, None) == {
        "a-000": "Age",
        "a-001": "Pod",
        "b-000": "Namespace",
    }


@pytest.mark.parametrize(
    ("per_namespace", "share", "bound"),
    [(1, None, "Namespace"), (1, 1, "Namespace"), (2, 1, "Cluster"), (0, 1, "Cluster")],
)
def test_the_bound_that_leaves_fewer_records_is_the_one_exceeded(
    per_namespace: int, share: int | None, bound: str
) -> None:
    bounds = Bounds(days=0, per_pod=0, per_namespace=per_namespace)
    assert bounds_of(ages(9000, 7000), bounds, share) == {"a-000": bound}
