import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.recall.counters import NOWHERE, Count, Counts, read, reconcile
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


def test_kubepods_and_its_pods_are_read_and_qos_classes_are_skipped() -> None:
    lines = [
        *rows(ROOT, 9, 3),
        *rows(f"{ROOT}/kubepods-burstable.slice", 7, 2),
        *rows(f"{ROOT}/kubepods-burstable.slice/{SLICE}", 4, 2),
    ]
    assert read(lines) == Counts(Count(9, 3), {UID: Count(4, 2)})


def test_the_cgroupfs_drivers_names_are_read_too() -> None:
    lines = [*rows("/host/cgroup/kubepods", 2, 0), *rows(f"/host/cgroup/kubepods/pod{UID}", 2, 0)]
    assert read(lines) == Counts(Count(2, 0), {UID: Count(2, 0)})


def test_unreadable_counters_are_an_error() -> None:
    with pytest.raises(ValueError, match="could not be read"):
        read(["sh: grep: not found"])


def test_earlier_counts_are_subtracted_and_a_removed_pod_keeps_its_counts() -> None:
    before = counts(Count(10, 5), old=Count(4, 2))
    seen = counts(Count(12, 6), old=Count(4, 2), new=Count(2, 1))
    now = seen.latest(counts(Count(14, 7), old=Count(6, 3)))
    assert now.since(before) == counts(Count(4, 2), old=Count(2, 1), new=Count(2, 1))


def test_a_group_is_one_kill_and_single_processes_are_each_one() -> None:
    assert (Count(4, 2).incidents, Count(3, 0).incidents) == (2, 3)


def test_a_complete_log_is_used_unchanged() -> None:
    logged = [Kill(Place("p", "a"), 1.0), Kill(Place("p", "b"), 2.0), Kill(Place("q", "a"), 3.0)]
    counted = counts(Count(5, 2), p=Count(4, 2), q=Count(1, 0))
    assert reconcile(counted, logged, {}) == (logged, [])


def test_a_kill_that_the_log_lacks_is_attributed_to_the_other_container_without_a_time() -> None:
    logged = [Kill(Place("p", "a"), 1.0)]
    kills, (remark,) = reconcile(counts(Count(4, 2), p=Count(4, 2)), logged, {"p": ["a", "b"]})
    assert kills == [*logged, Kill(Place("p", "b"), None)]
    assert remark == "the log lacks 1 of 2 kills in pod p"


def test_a_kill_in_an_unknown_pod_counts_as_missed_by_every_reporter() -> None:
    kills, (remark,) = reconcile(counts(Count(2, 1)), [], {})
    assert kills == [Kill(NOWHERE, None)]
    assert "1 kills below kubepods belong to no known pod" in remark


def test_a_log_with_more_kills_than_the_counters_is_remarked() -> None:
    logged = [Kill(Place("p", "a"), 1.0), Kill(Place("p", "a"), 2.0)]
    _, remarks = reconcile(counts(Count(2, 1), p=Count(2, 1)), logged, {})
    assert remarks[0] == "the log has 1 more kills than the counters in pod p"


def test_before_linux_5_17_the_log_is_the_ground_truth() -> None:
    counted = read([f"{ROOT}/memory.events:oom_kill 4"])
    logged = [Kill(Place(OTHER, "a"), 1.0)]
    kills, (remark,) = reconcile(counted, logged, {})
    assert kills == logged
    assert "does not count group kills" in remark


@given(
    st.dictionaries(st.sampled_from("pqr"), st.tuples(st.integers(0, 4), st.booleans())),
    st.data(),
)
def test_the_number_of_kills_is_the_counted_one_whatever_the_log_lacks(
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
    kills, remarks = reconcile(Counts(total, counted), kept, {uid: ["a"] for uid in pods})
    assert sorted(kill.place.pod for kill in kills) == sorted(kill.place.pod for kill in full)
    assert bool(remarks) == (len(kept) < len(full))
