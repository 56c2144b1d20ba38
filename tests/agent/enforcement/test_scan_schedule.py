from hypothesis import given
from hypothesis import strategies as st
from oomwarden.agent.enforcement.scan_schedule import ScanSchedule
from oomwarden.agent.runtime.ticks import WITH_SCANS, next_tick

REST = 10.0
TIMES = st.floats(0, 1e7, allow_nan=False)


def quiet(now: float) -> ScanSchedule:
    """Return the schedule of a container that has been quiet for long."""
    schedule = ScanSchedule(is_hurried=False)
    for _ in range(10):
        schedule.plan_next(now, REST, rules=False, held_back=False)
    return schedule


@given(TIMES, st.lists(st.floats(0, 0.999), min_size=2, max_size=20))
def test_quiet_containers_are_looked_at_together_whenever_each_was_looked_at(
    begin: float, after: list[float]
) -> None:
    round_of_10 = next_tick(REST, begin, WITH_SCANS)
    schedules = [(quiet(begin), round_of_10 + share * REST) for share in after]
    assert all(schedule.confirm(now, REST) for schedule, now in schedules)
    assert len({schedule.due for schedule, _ in schedules}) == 1


@given(TIMES)
def test_a_quiet_container_is_looked_at_again_within_the_longest_gap(now: float) -> None:
    schedule = quiet(now)
    assert schedule.confirm(now, REST)
    assert now < schedule.due <= now + REST


def test_a_container_that_was_not_quiet_for_long_is_not_put_off() -> None:
    schedule = ScanSchedule(is_hurried=False)
    schedule.plan_next(100.0, REST, rules=False, held_back=False)
    due = schedule.due
    assert not schedule.confirm(100.5, REST)
    assert schedule.due == due


@given(TIMES, st.lists(st.floats(0, 0.004), min_size=2, max_size=20))
def test_containers_that_started_together_are_scanned_again_in_few_rounds(
    begin: float, after: list[float]
) -> None:
    due = set[float]()
    for late in after:
        schedule = ScanSchedule()
        schedule.plan_next(begin + late, REST, rules=False, held_back=False)
        assert begin + late < schedule.due <= begin + late + 0.2 + 1e-6
        due.add(schedule.due)
    assert len(due) <= 2
