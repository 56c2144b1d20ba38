from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.incidents.memory_events import MemoryEventCounts

POD = "uid-1"
STEPS = st.lists(st.tuples(st.sampled_from(["pod", "app", "side"]), st.integers(1, 9)))


def test_what_was_counted_before_the_agents_start_is_not_counted() -> None:
    counts = MemoryEventCounts()
    assert counts.rise(1, {"max": 100}, is_new=False) == {}
    assert counts.rise(1, {"max": 103, "oom": 1}, is_new=False) == {"max": 3, "oom": 1}


def test_all_that_a_new_cgroup_has_counted_is_news() -> None:
    assert MemoryEventCounts().rise(1, {"max": 7, "low": 0}, is_new=True) == {"max": 7}


def test_a_file_that_could_not_be_read_changes_nothing() -> None:
    counts = MemoryEventCounts()
    counts.rise(1, {"max": 7, "oom": 2}, is_new=True)
    assert counts.rise(1, {}, is_new=True) == {}
    assert counts.rise(1, {"max": 8}, is_new=True) == {"max": 1}
    assert counts.rise(1, {"max": 8, "oom": 2}, is_new=True) == {}


def test_the_events_of_a_pod_are_those_of_its_only_container() -> None:
    found = MemoryEventCounts().attribute(POD, {"max": 3, "oom_kill": 1}, {"app": {}})
    assert found == {(POD, "app"): {"max": 3, "oom_kill": 1}}


def test_what_no_container_shows_is_the_pods_own() -> None:
    found = MemoryEventCounts().attribute(POD, {"max": 9}, {"app": {"max": 4}, "side": {"max": 3}})
    assert found == {(POD, "app"): {"max": 4}, (POD, "side"): {"max": 3}, (POD, ""): {"max": 2}}


def test_a_container_that_was_read_later_than_its_pod_leaves_nothing_to_the_pod() -> None:
    counts = MemoryEventCounts()
    counts.attribute(POD, {"max": 4}, {"app": {"max": 6}, "side": {}})
    assert counts.attribute(POD, {"max": 2}, {"app": {}, "side": {}}) == {}


def test_a_pod_that_is_gone_leaves_nothing_behind() -> None:
    counts = MemoryEventCounts()
    counts.rise(1, {"max": 1}, is_new=True)
    counts.attribute(POD, {"max": 1}, {})
    counts.forget(lambda _: False, lambda _: False)
    assert (counts._seen, counts._own) == ({}, {})


@given(STEPS, st.lists(st.booleans()))
def test_every_event_is_counted_once_whatever_is_read_when(
    steps: list[tuple[str, int]], late: list[bool]
) -> None:
    """The kernel counts below the pod first, so a pod may be read before its last events."""
    counts, totals, kernel = MemoryEventCounts(), Counter[str](), Counter[str]()

    def observe(pod: int) -> None:
        containers = {
            name: counts.rise(at, {"max": kernel[name]}, is_new=True)
            for at, name in ((2, "app"), (3, "side"))
        }
        rose = counts.rise(1, {"max": pod}, is_new=True)
        for (_, name), found in counts.attribute(POD, rose, containers).items():
            totals[name or "pod"] += found["max"]

    for (where, by), before in zip(steps, [*late, *([False] * len(steps))], strict=False):
        pod = kernel.total()
        kernel[where] += by
        observe(pod if before else kernel.total())
    observe(kernel.total())
    assert totals == kernel
