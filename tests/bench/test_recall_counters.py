import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.recall.counters import NOWHERE, Count, Counts, read, settle
from bench.recall.truth import Kill, Place

UID = "0a1b2c3d-1111-2222-3333-444455556666"
OTHER = "0a1b2c3d-1111-2222-3333-777755556666"
SLICE = f"kubepods-burstable-pod{UID.replace('-', '_')}.slice"
ROOT = "/host/cgroup/kubepods.slice"


def rows(path: str, kills: int, groups: int) -> list[str]:
    events = f"{path}/memory.events"
    return [f"{events}:oom_kill {kills}", f"{events}:oom_group_kill {groups}"]


def counts(total: Count, **pods: Count) -> Counts:
    return Counts(total, pods)


def test_kubepods_and_its_pods_are_read_and_qos_classes_are_passed_over() -> None:
    lines = [
        *rows(ROOT, 9, 3),
        *rows(f"{ROOT}/kubepods-burstable.slice", 7, 2),
        *rows(f"{ROOT}/kubepods-burstable.slice/{SLICE}", 4, 2),
    ]
    assert read(lines) == Counts(Count(9, 3), {UID: Count(4, 2)})


def test_the_cgroupfs_drivers_names_are_read_too() -> None:
    lines = [*rows("/host/cgroup/kubepods", 2, 0), *rows(f"/host/cgroup/kubepods/pod{UID}", 2, 0)]
    assert read(lines) == Counts(Count(2, 0), {UID: Count(2, 0)})


def test_a_node_whose_counters_cannot_be_read_has_no_truth() -> None:
    with pytest.raises(ValueError, match="could not be read"):
        read(["sh: grep: not found"])


def test_what_was_counted_before_is_not_the_scenarios_and_a_pod_that_is_gone_is_kept() -> None:
    before = counts(Count(10, 5), old=Count(4, 2))
    seen = counts(Count(12, 6), old=Count(4, 2), new=Count(2, 1))
    now = seen.latest(counts(Count(14, 7), old=Count(6, 3)))
    assert now.since(before) == counts(Count(4, 2), old=Count(2, 1), new=Count(2, 1))


def test_a_group_is_one_kill_and_single_processes_are_each_one() -> None:
    assert (Count(4, 2).incidents, Count(3, 0).incidents) == (2, 3)


def test_a_log_that_tells_all_is_taken_as_it_is() -> None:
    logged = [Kill(Place("p", "a"), 1.0), Kill(Place("p", "b"), 2.0), Kill(Place("q", "a"), 3.0)]
    counted = counts(Count(5, 2), p=Count(4, 2), q=Count(1, 0))
    assert settle(counted, logged, {}) == (logged, [])


def test_a_kill_that_the_log_lacks_is_of_the_container_that_was_not_killed_and_has_no_moment() -> (
    None
):
    logged = [Kill(Place("p", "a"), 1.0)]
    kills, (remark,) = settle(counts(Count(4, 2), p=Count(4, 2)), logged, {"p": ["a", "b"]})
    assert kills == [*logged, Kill(Place("p", "b"), None)]
    assert remark == "the log lacks 1 of 2 kills in pod p"


def test_a_kill_in_a_pod_that_went_unread_is_missing_to_everybody() -> None:
    kills, (remark,) = settle(counts(Count(2, 1)), [], {})
    assert kills == [Kill(NOWHERE, None)]
    assert "1 kills below kubepods could be placed in no pod" in remark


def test_a_log_that_tells_more_than_the_kernel_counted_is_remarked() -> None:
    logged = [Kill(Place("p", "a"), 1.0), Kill(Place("p", "a"), 2.0)]
    _, remarks = settle(counts(Count(2, 1), p=Count(2, 1)), logged, {})
    assert remarks[0] == "the log has 1 kills more than the counters in pod p"


def test_before_linux_5_17_the_log_has_the_word() -> None:
    counted = read([f"{ROOT}/memory.events:oom_kill 4"])
    logged = [Kill(Place(OTHER, "a"), 1.0)]
    kills, (remark,) = settle(counted, logged, {})
    assert kills == logged
    assert "counts no groups" in remark


@given(
    st.dictionaries(st.sampled_from("pqr"), st.tuples(st.integers(0, 4), st.booleans())),
    st.data(),
)
def test_there_are_as_many_kills_as_were_counted_whatever_the_log_lacks(
    pods: dict[str, tuple[int, bool]], data: st.DataObject
) -> None:
    counted = {
        uid: Count(2 * number, number) if group else Count(number, 0)
        for uid, (number, group) in pods.items()
    }
    total = Count(
        sum(one.kills for one in counted.values()), sum(one.groups for one in counted.values())
    )
    full = [
        Kill(Place(uid, "a"), 1.0) for uid, one in counted.items() for _ in range(one.incidents)
    ]
    kept = [kill for kill in full if data.draw(st.booleans())]
    kills, remarks = settle(Counts(total, counted), kept, {uid: ["a"] for uid in pods})
    assert sorted(kill.place.pod for kill in kills) == sorted(kill.place.pod for kill in full)
    assert bool(remarks) == (len(kept) < len(full))
