"""The pressure, and how many records each namespace may keep."""

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.quota.pressure import (
    YOUNG_IN_NEED_SECONDS,
    YOUNG_SECONDS,
    Pressure,
    PressureLevel,
)
from oomwarden.core.quota.record_counts import (
    KEEP_FRACTION,
    PressureGauge,
    RecordCount,
    RecordCounts,
    exempt,
)
from oomwarden.core.quota.retention import Bounds, Exempt, StoredRecord

NOW = 1_800_000_000.0
BOUNDS = Bounds(per_namespace=1000, per_cluster=50_000)


def counts(**sizes: int) -> RecordCounts:
    return RecordCounts(NOW, {name: RecordCount(size) for name, size in sizes.items()})


def test_records_are_counted_by_namespace_and_young_ones_separately() -> None:
    counting = RecordCounts(NOW)
    for number, age in enumerate((0, 3600, 3601)):
        counting.add(StoredRecord(NOW - age, str(number), "shop", str(number), "a"))
    assert counting.namespaces == {"shop": RecordCount(all=3, young=2)}


def test_namespaces_with_few_records_keep_all_of_them() -> None:
    bounds = Bounds(per_namespace=0, per_cluster=100)
    assert counts(a=5, b=30, c=900).namespace_share(bounds) == 45


def test_without_a_cluster_limit_or_below_it_there_is_no_share() -> None:
    assert counts(a=900).namespace_share(Bounds(per_cluster=0)) is None
    assert counts(a=900).namespace_share(BOUNDS) is None


SIZES = st.dictionaries(st.text("abc", min_size=1), st.integers(1, 2000), max_size=30)


@given(SIZES, st.integers(1, 5000), st.integers(0, 1500))
def test_shares_use_the_space_completely_and_no_more(
    sizes: dict[str, int], per_cluster: int, per_namespace: int
) -> None:
    bounds = Bounds(per_namespace=per_namespace, per_cluster=per_cluster)
    share = counts(**sizes).namespace_share(bounds)
    kept = [min(size, per_namespace or size) for size in sizes.values()]
    space = int(per_cluster * KEEP_FRACTION)
    if share is None:
        assert sum(kept) <= space
    elif space >= len(kept):
        assert sum(min(one, share) for one in kept) <= space
        assert sum(min(one, share + 1) for one in kept) > space


def test_a_namespace_at_its_limit_is_no_pressure_one_that_fills_it_within_hours_is() -> None:
    old = RecordCounts(NOW, {"a": RecordCount(1000, 10)})
    fast = RecordCounts(NOW, {"a": RecordCount(400, 300)})
    assert PressureGauge(BOUNDS).with_counts(old, NOW).pressure(3, NOW) == Pressure(nodes=3)
    pressure = PressureGauge(BOUNDS).with_counts(fast, NOW).pressure(3, NOW)
    assert pressure == Pressure(namespaces={"a": PressureLevel.SOME}, nodes=3)


def test_ten_pods_of_a_team_in_a_crash_loop_are_no_pressure() -> None:
    immediate, in_an_hour = 10 * 5, 10 * 8
    seen = RecordCounts(NOW, {"team": RecordCount(900, immediate + in_an_hour)})
    assert PressureGauge(BOUNDS).with_counts(seen, NOW).pressure(9, NOW) == Pressure(nodes=9)


def test_records_beyond_the_cluster_limit_are_pressure_however_old() -> None:
    gauge = PressureGauge(BOUNDS).with_total(RecordCount(60_000, 0), NOW)
    assert gauge.pressure(1, NOW).cluster is PressureLevel.SOME


def test_young_records_are_only_deleted_far_beyond_the_limit_which_is_published_for_an_hour() -> (
    None
):
    assert exempt(BOUNDS, 100_000) == Exempt()
    assert exempt(BOUNDS, 100_001) == Exempt(YOUNG_SECONDS, YOUNG_IN_NEED_SECONDS)
    assert exempt(BOUNDS, 200_001) == Exempt(YOUNG_IN_NEED_SECONDS, YOUNG_IN_NEED_SECONDS)
    gauge = (
        PressureGauge(BOUNDS)
        .with_total(RecordCount(100_001, 0), NOW)
        .with_total(RecordCount(0, 0), NOW + 60)
    )
    assert gauge.pressure(1, NOW + YOUNG_SECONDS).kept_seconds == YOUNG_IN_NEED_SECONDS
    assert gauge.pressure(1, NOW + YOUNG_SECONDS + 1).kept_seconds == YOUNG_SECONDS
