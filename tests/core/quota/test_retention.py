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


def gone(bounds: Bounds, records: Iterable[StoredRecord]) -> set[str]:
    sieve = RetentionFilter(bounds, NOW)
    found = [one for record in records for one in sieve.take(record)] + sieve.end()
    assert len(found) == len(set(found))
    return {one.name for one in found}


def ages(*seconds: float, pod: str = "a") -> list[StoredRecord]:
    return [record(number, NOW - age, pod) for number, age in enumerate(seconds)]


def test_a_record_goes_when_its_days_are_over_and_not_before() -> None:
    bounds = Bounds(days=2, per_pod=0, per_namespace=0)
    assert gone(bounds, ages(2 * DAY_SECONDS, 2 * DAY_SECONDS + 1)) == {"a-001"}


def test_of_a_pod_the_newest_stay() -> None:
    bounds = Bounds(days=0, per_pod=2, per_namespace=0)
    records = [*ages(9000, 7000, 8000), *ages(99000, pod="b")]
    assert gone(bounds, records) == {"a-000"}


def test_of_a_namespace_the_newest_stay_whichever_pod_they_are_of() -> None:
    bounds = Bounds(days=0, per_pod=0, per_namespace=2)
    records = [*ages(9000, 7000), *ages(8000, pod="b")]
    assert gone(bounds, records) == {"a-000"}


def test_what_a_pod_has_too_many_of_does_not_push_out_other_pods() -> None:
    bounds = Bounds(days=0, per_pod=1, per_namespace=2)
    records = [*ages(7000, 7001, 7002, 7003), *ages(90000, pod="b")]
    assert gone(bounds, records) == {"a-001", "a-002", "a-003"}


def test_each_namespace_is_counted_by_itself() -> None:
    bounds = Bounds(days=0, per_pod=0, per_namespace=1)
    assert gone(bounds, [record(1), record(1, namespace="other")]) == set()


def test_a_young_record_stays_whatever_the_numbers_and_counts_as_one() -> None:
    bounds = Bounds(days=0, per_pod=1, per_namespace=1)
    assert gone(bounds, ages(60, YOUNG_SECONDS, YOUNG_SECONDS + 1)) == {"a-002"}


def test_without_bounds_all_stay_and_nothing_is_held() -> None:
    sieve = RetentionFilter(Bounds(0, 0, 0), NOW)
    assert all(sieve.take(one) == [] for one in ages(*range(0, 10**9, 10**7)))
    assert sieve._held == 0


def test_a_namespace_is_never_held_more_than_twice_over() -> None:
    sieve = RetentionFilter(Bounds(days=0, per_pod=0, per_namespace=10), NOW)
    held = 0
    for number in range(1000):
        sieve.take(record(number, pod=f"pod-{number}"))
        held = max(held, sum(map(len, sieve._pods.values())))
    assert held < 20


@pytest.mark.parametrize(
    ("bounds", "told"),
    [
        (Bounds(), "30 days, 50 of a pod, 1000 of a namespace, 50000 in all"),
        (Bounds(0, 3, 0, 0), "3 of a pod"),
        (Bounds(0, 0, 0, 0), "all for ever"),
    ],
)
def test_bounds_can_be_told(bounds: Bounds, told: str) -> None:
    assert str(bounds) == told


def has_to_go(record: StoredRecord, all_of_them: list[StoredRecord], bounds: Bounds) -> bool:
    """What stays, said over all records at once."""
    days = bounds.days or 10**6
    alive = [one for one in all_of_them if NOW - one.created <= days * DAY_SECONDS]
    if record not in alive:
        return True

    def newer_in_pod(one: StoredRecord) -> int:
        return sum(other.pod == one.pod and other > one for other in alive)

    of_pods = [one for one in alive if not bounds.per_pod or newer_in_pod(one) < bounds.per_pod]
    newer = sum(other > record for other in of_pods)
    crowded = bool(bounds.per_namespace) and newer >= bounds.per_namespace
    too_many = record not in of_pods or crowded
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
def test_what_goes_is_the_same_in_whatever_order_it_comes(
    bounds: Bounds, records: list[StoredRecord]
) -> None:
    expected = {one.name for one in records if has_to_go(one, records, bounds)}
    assert gone(bounds, records) == expected
    assert gone(bounds, reversed(records)) == expected


@given(bounds=BOUNDS, records=RECORDS)
def test_a_namespace_that_comes_up_again_loses_nothing_that_should_stay(
    bounds: Bounds, records: list[StoredRecord]
) -> None:
    between = replace(record(0, NOW), namespace="other", name="between", uid="between")
    mixed = [each for one in records for each in (one, between)]
    expected = {one.name for one in records if has_to_go(one, records, bounds)}
    assert gone(bounds, mixed) <= expected


def test_a_namespaces_share_of_the_whole_is_a_bound_too() -> None:
    sieve = RetentionFilter(Bounds(days=0, per_pod=0, per_namespace=9), NOW, share=1)
    found = [one for each in ages(9000, 7000, 8000) for one in sieve.take(each)] + sieve.end()
    assert {one.name for one in found} == {"a-000", "a-002"}


IN_NEED = Exempt(others=600)


@given(records=RECORDS, exempt=st.sampled_from([Exempt(), IN_NEED]))
def test_the_newest_record_of_a_pod_stays_while_it_is_young(
    records: list[StoredRecord], exempt: Exempt
) -> None:
    sieve = RetentionFilter(Bounds(0, 1, 1), NOW, share=1, exempt=exempt)
    found = [one for each in records for one in sieve.take(each)] + sieve.end()
    newest = {max(one for one in records if one.pod == pod) for pod in "abc" if any(
        one.pod == pod for one in records
    )}  # fmt: skip
    assert not {one for one in found if one in newest and NOW - one.created <= YOUNG_SECONDS}


def test_in_need_records_of_ten_minutes_go_where_newer_ones_of_the_pod_stay() -> None:
    sieve = RetentionFilter(Bounds(0, 0, 0), NOW, share=1, exempt=IN_NEED)
    records = [*ages(500, 700, 1800, 3500), *ages(3500, pod="b")]
    found = [one for each in records for one in sieve.take(each)] + sieve.end()
    assert {one.name for one in found} == {"a-001", "a-002", "a-003"}
