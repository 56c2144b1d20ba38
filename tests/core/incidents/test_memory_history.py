from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.incidents.memory_history import (
    KEEP_SAMPLES,
    MAX_DETAILS,
    SAMPLE_SECONDS,
    MemoryBound,
    MemoryTimeline,
    ProcessUsage,
    UsageDetail,
    UsageHistory,
    UsageSample,
    fullest,
    largest,
)

MIB = 1 << 20
LIMIT = 100 * MIB
START = 1_800_000_000.0


def history(*usages: int, gap: float = SAMPLE_SECONDS) -> UsageHistory:
    """A container's history in MiB, a reading every `gap` seconds from START on."""
    made = UsageHistory()
    for number, usage in enumerate(usages):
        made.add(UsageSample(START + number * gap, usage * MIB))
    return made


def bounds(used: int, limit: int = LIMIT) -> tuple[MemoryBound, ...]:
    return (MemoryBound(used * MIB, limit),)


def detail(at: float, usage: int) -> UsageDetail:
    return UsageDetail(UsageSample(at, usage * MIB), None, 1)


def usages(timeline: MemoryTimeline | None) -> list[int]:
    return [sample.usage // MIB for sample in timeline.samples] if timeline else []


def test_a_timeline_has_the_samples_from_the_oldest_on() -> None:
    timeline = history(10, 20, 30).timeline_until(START + 25)
    assert usages(timeline) == [10, 20, 30]
    assert timeline is not None
    assert timeline.last == UsageSample(START + 20, 30 * MIB)


def test_a_container_that_was_never_read_has_no_timeline() -> None:
    assert UsageHistory().timeline_until(START) is None


def test_readings_after_the_kill_are_not_in_its_timeline() -> None:
    assert usages(history(10, 90, 5).timeline_until(START + 15)) == [10, 90]


def test_readings_that_are_too_old_are_not_in_the_timeline() -> None:
    assert history(10, 20).timeline_until(START + 3600) is None


def test_a_reading_between_two_samples_can_be_the_last_one() -> None:
    climbing = history(10, 20)
    climbing.add(UsageSample(START + 12, 60 * MIB))
    climbing.add(UsageSample(START + 14, 90 * MIB))
    timeline = climbing.timeline_until(START + 15)
    assert timeline is not None
    assert (usages(timeline), timeline.last.usage) == ([10, 20], 90 * MIB)


def test_a_detail_after_the_kill_does_not_replace_the_one_before() -> None:
    memory = history(80, 90)
    memory.add_detail(detail(START, 80))
    memory.add_detail(detail(START + 10, 90))
    timeline = memory.timeline_until(START + 9)
    assert timeline is not None
    assert timeline.detail == detail(START, 80)


def test_samples_continue_after_the_clock_was_set_back() -> None:
    memory = history(10)
    memory.add(UsageSample(START - 3600, 20 * MIB))
    assert usages(memory.timeline_until(START - 3599)) == [20]


@given(
    st.lists(st.tuples(st.floats(0.1, 40), st.integers(0, 1 << 50)), max_size=100),
    st.floats(-10, 4000),
)
def test_a_timeline_is_bounded_and_in_order_and_ends_with_the_kill(
    steps: list[tuple[float, int]], end: float
) -> None:
    memory, at, added = UsageHistory(), START, []
    for gap, usage in steps:
        at += gap
        added.append(UsageSample(at, usage))
        memory.add(added[-1])
    timeline = memory.timeline_until(START + end)
    if timeline is None:
        return
    samples = list(timeline.samples)
    assert len(samples) <= KEEP_SAMPLES
    assert samples == sorted(samples, key=lambda sample: sample.at)
    assert set(samples) <= set(added)
    assert all(sample.at <= timeline.last.at <= START + end for sample in samples)


@given(st.integers(0, 200))
def test_readings_at_the_sample_interval_are_all_kept_up_to_the_bound(count: int) -> None:
    memory = history(*range(count))
    timeline = memory.timeline_until(START + max(count - 1, 0) * SAMPLE_SECONDS)
    assert usages(timeline) == list(range(count))[-KEEP_SAMPLES:]


def test_a_container_far_from_its_limit_needs_no_detail() -> None:
    calm = history(50, 51)
    assert not calm.needs_detail(bounds(51), START + 10)
    assert not calm.is_climbing(bounds(51))


def test_a_container_near_its_limit_needs_a_detail_and_another_when_its_usage_changes() -> None:
    full = history(85, 85)
    assert full.needs_detail(bounds(85), START + 10)
    full.add_detail(detail(START + 10, 85))
    assert not full.needs_detail(bounds(85), START + 12)
    full.add(UsageSample(START + 12, 87 * MIB))
    assert full.needs_detail(bounds(87), START + 12)


def test_a_container_that_stays_at_its_limit_needs_a_detail_now_and_then() -> None:
    full = history(100)
    full.add_detail(detail(START, 100))
    assert not full.needs_detail(bounds(100), START + 20)
    assert full.needs_detail(bounds(100), START + 31)
    assert not full.is_climbing(bounds(100))


def test_a_container_that_would_reach_its_limit_soon_is_near_it() -> None:
    growing = history(10, 40)
    assert growing.needs_detail(bounds(40), START + 10)
    assert growing.is_climbing(bounds(40))
    assert not history(10, 20).needs_detail(bounds(20), START + 10)


def test_the_containers_of_a_full_pod_need_a_detail() -> None:
    small = history(20, 20)
    assert small.needs_detail(
        (MemoryBound(20 * MIB, LIMIT), MemoryBound(90 * MIB, LIMIT)), START + 10
    )


def test_a_container_without_a_limit_needs_no_detail() -> None:
    assert not history(10, 500).needs_detail((), START + 10)
    assert not history(10, 500).is_climbing(())


def test_the_fullest_containers_come_first_and_their_number_is_bounded() -> None:
    pending = {n: bounds(n) for n in range(1, 2 * MAX_DETAILS)}
    first = fullest(pending)
    assert first == list(range(2 * MAX_DETAILS - 1, MAX_DETAILS - 1, -1))


def test_the_largest_processes_are_chosen_and_none_without_memory() -> None:
    assert largest({1: 5, 2: 9, 3: 0, 4: 9}, 3) == [2, 4, 1]
    assert largest({1: 0}) == []


@given(st.dictionaries(st.integers(1, 1 << 22), st.integers(0, 1 << 40)))
def test_no_process_that_is_left_out_is_larger(resident: dict[int, int]) -> None:
    chosen = largest(resident)
    least = min((resident[pid] for pid in chosen), default=0)
    left_out = [rss for pid, rss in resident.items() if pid not in chosen]
    assert all(rss <= least for rss in left_out)
    assert len(chosen) == min(5, sum(rss > 0 for rss in resident.values()))


def test_a_detail_without_processes_does_not_replace_the_one_before() -> None:
    made = history(10, 90)
    hog = ProcessUsage(7, b"hog", 80 * MIB, 0)
    whole = UsageDetail(UsageSample(START + 10, 90 * MIB), None, 1, (hog,))
    made.add_detail(whole)
    made.add_detail(detail(START + 12, 95))
    timeline = made.timeline_until(START + 13)
    assert timeline is not None
    assert timeline.detail == whole
    assert timeline.last.usage == 95 * MIB
