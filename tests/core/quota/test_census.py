"""What presses, and what each namespace may keep."""

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.quota.census import KEEP_PART, Census, Count, Gauge, exempt
from oomwarden.core.quota.pressure import (
    YOUNG_IN_NEED_SECONDS,
    YOUNG_SECONDS,
    Pressure,
    PressureLevel,
)
from oomwarden.core.quota.retention import Bounds, Exempt, StoredRecord

NOW = 1_800_000_000.0
BOUNDS = Bounds(per_namespace=1000, per_cluster=50_000)


def census(**sizes: int) -> Census:
    return Census(NOW, {name: Count(size) for name, size in sizes.items()})


def test_records_are_counted_by_namespace_and_the_young_ones_of_them() -> None:
    counting = Census(NOW)
    for number, age in enumerate((0, 3600, 3601)):
        counting.add(StoredRecord(NOW - age, str(number), "shop", str(number), "a"))
    assert counting.namespaces == {"shop": Count(all=3, young=2)}


def test_namespaces_with_few_records_keep_all_of_them() -> None:
    bounds = Bounds(per_namespace=0, per_cluster=100)
    assert census(a=5, b=30, c=900).share(bounds) == 45


def test_without_a_bound_on_all_or_below_it_there_is_no_share() -> None:
    assert census(a=900).share(Bounds(per_cluster=0)) is None
    assert census(a=900).share(BOUNDS) is None


SIZES = st.dictionaries(st.text("abc", min_size=1), st.integers(1, 2000), max_size=30)


@given(SIZES, st.integers(1, 5000), st.integers(0, 1500))
def test_shares_fill_the_room_and_no_more(
    sizes: dict[str, int], per_cluster: int, per_namespace: int
) -> None:
    bounds = Bounds(per_namespace=per_namespace, per_cluster=per_cluster)
    share = census(**sizes).share(bounds)
    kept = [min(size, per_namespace or size) for size in sizes.values()]
    room = int(per_cluster * KEEP_PART)
    if share is None:
        assert sum(kept) <= room
    elif room >= len(kept):
        assert sum(min(one, share) for one in kept) <= room
        assert sum(min(one, share + 1) for one in kept) > room


def test_a_namespace_at_its_bound_does_not_press_one_that_fills_it_within_hours_does() -> None:
    old, fast = Census(NOW, {"a": Count(1000, 10)}), Census(NOW, {"a": Count(400, 300)})
    assert Gauge(BOUNDS).looked(old, NOW).pressure(3, NOW) == Pressure(nodes=3)
    pressure = Gauge(BOUNDS).looked(fast, NOW).pressure(3, NOW)
    assert pressure == Pressure(namespaces={"a": PressureLevel.SOME}, nodes=3)


def test_one_team_whose_ten_pods_are_in_a_crash_loop_is_left_alone() -> None:
    at_once, in_an_hour = 10 * 5, 10 * 8
    seen = Census(NOW, {"team": Count(900, at_once + in_an_hour)})
    assert Gauge(BOUNDS).looked(seen, NOW).pressure(9, NOW) == Pressure(nodes=9)


def test_what_is_over_the_bound_on_all_presses_however_old_it_is() -> None:
    gauge = Gauge(BOUNDS).counted(Count(60_000, 0), NOW)
    assert gauge.pressure(1, NOW).cluster is PressureLevel.SOME


def test_only_far_over_the_bound_young_records_go_and_agents_hear_of_it_for_an_hour() -> None:
    assert exempt(BOUNDS, 100_000) == Exempt()
    assert exempt(BOUNDS, 100_001) == Exempt(YOUNG_SECONDS, YOUNG_IN_NEED_SECONDS)
    assert exempt(BOUNDS, 200_001) == Exempt(YOUNG_IN_NEED_SECONDS, YOUNG_IN_NEED_SECONDS)
    gauge = Gauge(BOUNDS).counted(Count(100_001, 0), NOW).counted(Count(0, 0), NOW + 60)
    assert gauge.pressure(1, NOW + YOUNG_SECONDS).kept_seconds == YOUNG_IN_NEED_SECONDS
    assert gauge.pressure(1, NOW + YOUNG_SECONDS + 1).kept_seconds == YOUNG_SECONDS
