from oomwarden.core.explanation.filled import filled_memory
from oomwarden.core.explanation.usage import usage_curve, usage_points
from oomwarden.core.history.kill_record import read_record
from oomwarden.core.usage_pattern.verdict import Pattern

from tests.support.facts import facts, memory
from tests.support.kill_objects import oomkill
from tests.support.workload_objects import container, pod

MI = 1 << 20


def test_readings_of_all_kinds_become_one_series_that_ends_at_the_kill() -> None:
    series = memory() | {
        "samples": [{"at": "2026-11-01T09:59:50Z", "usage": "400Mi"}, {"at": 3, "usage": "1Mi"}],
        "history": [
            {"at": "2026-11-01T08:00:00Z", "usage": "100Mi"},
            {"at": "2026-11-01T11:00:00Z", "usage": "9Gi"},
        ],
    }
    points = usage_points(read_record(oomkill(memory=series)))
    shown = [(each.at, each.usage // MI) for each in points]
    assert shown == [(-7200, 100), (-10, 400), (-3, 505), (-1, 511)]


def test_the_pattern_of_the_record_wins_over_one_from_its_readings() -> None:
    recorded = memory() | {"pattern": {"name": "Leak", "evidence": "grew"}}
    found = usage_curve(facts(of=oomkill(memory=recorded)))
    assert (found.pattern, found.evidence, found.limit_bytes) == (Pattern.LEAK, "grew", 512 * MI)
    newer = memory() | {"pattern": {"name": "Stairs"}}
    assert usage_curve(facts(of=oomkill(memory=newer))).pattern is Pattern.UNKNOWN
    nothing = usage_curve(facts())
    assert nothing.evidence == "the container's memory was not observed before the kill"


def test_the_parts_are_shown_by_size_with_a_sentence_about_the_largest() -> None:
    kinds = {"anon": "20Mi", "file": "410Mi", "shmem": "400Mi", "slab": "30Mi", "swap": "1Gi"}
    found = filled_memory(facts(of=oomkill(memory=memory(**kinds), victims=[])))
    assert [(each.name, each.bytes // MI) for each in found.parts] == [
        ("tmpfs, shared", 400),
        ("slab", 30),
        ("anon", 20),
        ("page cache", 10),
    ]
    assert found.largest == "shmem"
    assert found.sentences[0].startswith("Most of the memory, 400Mi of 505Mi, was tmpfs")
    assert found.sentences[1] == "Another 1Gi was in swap, which is not part of it."


def test_what_the_victims_held_decides_over_an_earlier_reading() -> None:
    kinds = {"anon": "20Mi", "file": "400Mi", "shmem": "0"}
    assert filled_memory(facts(of=oomkill(memory=memory(**kinds)))).largest == "anon"


def test_without_a_reading_the_victims_parts_are_shown_and_the_rest_is_unknown() -> None:
    found = filled_memory(facts())
    assert [each.name for each in found.parts] == ["anon"]
    assert found.sentences[0].endswith("so the other parts are unknown.")
    assert filled_memory(facts(of=oomkill(victims=[]))).largest is None


def test_tmpfs_that_outlived_the_kill_is_named_with_its_volumes() -> None:
    volumes = [{"name": "cache", "emptyDir": {"medium": "Memory"}}]
    killed = pod(spec={"containers": [container()], "volumes": volumes})
    found = filled_memory(facts(of=oomkill(podMemory={"shmem": "400Mi"}), pod=killed))
    assert found.retained_tmpfs_bytes == 400 * MI
    assert found.largest == "shmem"
    assert "400Mi of tmpfs (volumes cache) was still there" in found.sentences[0]
