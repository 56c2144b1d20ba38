from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.incidents.memory_history import (
    KEEP_SAMPLES,
    MAX_LOOKS,
    SAMPLE_SECONDS,
    MemoryBound,
    MemoryTimeline,
    ProcessUsage,
    UsageDetail,
    UsageHistory,
    UsageSample,
    first_to_look_at,
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


def usages(story: MemoryTimeline | None) -> list[int]:
    return [sample.usage // MIB for sample in story.samples] if story else []


def test_a_story_tells_the_samples_from_the_oldest_on() -> None:
    story = history(10, 20, 30).until(START + 25)
    assert usages(story) == [10, 20, 30]
    assert story is not None
    assert story.last == UsageSample(START + 20, 30 * MIB)


def test_a_container_that_was_never_read_has_no_story() -> None:
    assert UsageHistory().until(START) is None


def test_what_was_read_after_the_kill_is_no_part_of_its_story() -> None:
    assert usages(history(10, 90, 5).until(START + 15)) == [10, 90]


def test_what_is_older_than_the_samples_reach_is_no_part_of_the_story() -> None:
    assert history(10, 20).until(START + 3600) is None


def test_readings_in_between_are_the_last_ones_but_no_samples() -> None:
    climbing = history(10, 20)
    climbing.add(UsageSample(START + 12, 60 * MIB))
    climbing.add(UsageSample(START + 14, 90 * MIB))
    story = climbing.until(START + 15)
    assert story is not None
    assert (usages(story), story.last.usage) == ([10, 20], 90 * MIB)


def test_a_closer_look_after_the_kill_leaves_the_one_before_it() -> None:
    told = history(80, 90)
    told.look(detail(START, 80))
    told.look(detail(START + 10, 90))
    story = told.until(START + 9)
    assert story is not None
    assert story.detail == detail(START, 80)


def test_a_clock_that_was_set_back_does_not_end_the_samples() -> None:
    told = history(10)
    told.add(UsageSample(START - 3600, 20 * MIB))
    assert usages(told.until(START - 3599)) == [20]


@given(
    st.lists(st.tuples(st.floats(0.1, 40), st.integers(0, 1 << 50)), max_size=100),
    st.floats(-10, 4000),
)
def test_a_story_is_bounded_in_order_and_ends_with_the_kill(
    steps: list[tuple[float, int]], end: float
) -> None:
    told, at, added = UsageHistory(), START, []
    for gap, usage in steps:
        at += gap
        added.append(UsageSample(at, usage))
        told.add(added[-1])
    story = told.until(START + end)
    if story is None:
        return
    samples = list(story.samples)
    assert len(samples) <= KEEP_SAMPLES
    assert samples == sorted(samples, key=lambda sample: sample.at)
    assert set(samples) <= set(added)
    assert all(sample.at <= story.last.at <= START + end for sample in samples)


@given(st.integers(0, 200))
def test_readings_on_the_grid_are_all_kept_up_to_the_bound(count: int) -> None:
    told = history(*range(count))
    story = told.until(START + max(count - 1, 0) * SAMPLE_SECONDS)
    assert usages(story) == list(range(count))[-KEEP_SAMPLES:]


def test_a_container_far_from_its_limit_is_not_looked_at() -> None:
    calm = history(50, 51)
    assert not calm.wants_look(bounds(51), START + 10)
    assert not calm.is_climbing(bounds(51))


def test_a_container_near_its_limit_is_looked_at_once_and_again_when_it_moved() -> None:
    full = history(85, 85)
    assert full.wants_look(bounds(85), START + 10)
    full.look(detail(START + 10, 85))
    assert not full.wants_look(bounds(85), START + 12)
    full.add(UsageSample(START + 12, 87 * MIB))
    assert full.wants_look(bounds(87), START + 12)


def test_page_cache_at_the_limit_is_looked_at_now_and_then() -> None:
    full = history(100)
    full.look(detail(START, 100))
    assert not full.wants_look(bounds(100), START + 20)
    assert full.wants_look(bounds(100), START + 31)
    assert not full.is_climbing(bounds(100))


def test_a_container_that_would_reach_its_limit_soon_is_near_it() -> None:
    growing = history(10, 40)
    assert growing.wants_look(bounds(40), START + 10)
    assert growing.is_climbing(bounds(40))
    assert not history(10, 20).wants_look(bounds(20), START + 10)


def test_a_full_pod_makes_its_containers_worth_a_look() -> None:
    small = history(20, 20)
    assert small.wants_look(
        (MemoryBound(20 * MIB, LIMIT), MemoryBound(90 * MIB, LIMIT)), START + 10
    )


def test_without_any_limit_nothing_is_near_it() -> None:
    assert not history(10, 500).wants_look((), START + 10)
    assert not history(10, 500).is_climbing(())


def test_the_fullest_containers_are_looked_at_first_and_only_so_many() -> None:
    wanting = {n: bounds(n) for n in range(1, 2 * MAX_LOOKS)}
    first = first_to_look_at(wanting)
    assert first == list(range(2 * MAX_LOOKS - 1, MAX_LOOKS - 1, -1))


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


def test_a_look_whose_processes_were_gone_does_not_hide_the_one_before() -> None:
    made = history(10, 90)
    hog = ProcessUsage(7, b"hog", 80 * MIB, 0)
    whole = UsageDetail(UsageSample(START + 10, 90 * MIB), None, 1, (hog,))
    made.look(whole)
    made.look(detail(START + 12, 95))
    story = made.until(START + 13)
    assert story is not None
    assert story.detail == whole
    assert story.last.usage == 95 * MIB
