"""What filled a limit, if it was not the memory of the processes that were killed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from oomwarden.api.models.memory import MemoryDetail
from oomwarden.core.incidents.cause import PodLimits
from oomwarden.core.incidents.incident import Incident, PodSnapshot, investigate
from oomwarden.core.incidents.largest_part import PodMemory, largest_part_before
from oomwarden.core.incidents.memory_history import MemoryTimeline, UsageDetail, UsageSample
from oomwarden.core.model.quantity import parse_bytes
from oomwarden.core.parse.memory_stat import Composition, parse_composition
from oomwarden.core.records.event import NOTE_BYTES, note
from oomwarden.core.records.oomkill import oom_kill

from tests.support.one_kill import CONTEXT, FACTS, HOG, LOG, MIB, NOW, RANGE, SNAPSHOT

GIB = 1 << 30
SMALL = replace(HOG, anon_rss=MIB)
KERNELS = {
    "5.10": b"anon 1000000\nfile 500000\nkernel_stack 20000\npercpu 1000\nsock 3000000\nshmem 100\n"
    b"slab_reclaimable 4000000\nslab_unreclaimable 1000000\nslab 5000000\n",
    "6.1": b"anon 1000000\nfile 500000\nkernel 5100000\nkernel_stack 20000\npagetables 50000\n"
    b"sec_pagetables 0\npercpu 1000\nsock 3000000\nvmalloc 9000\nshmem 100\nzswap 0\nzswapped 7\n"
    b"slab_reclaimable 4000000\nslab_unreclaimable 1000000\nslab 5000000\n",
    "7.0": b"anon 1000000\nfile 500000\nkernel 5100000\nkernel_stack 20000\npagetables 50000\n"
    b"percpu 1000\nsock 3000000\nvmalloc 9000\nshmem 100\nzswap 10000\nhugetlb 0\n"
    b"slab_reclaimable 4000000\nslab_unreclaimable 1000000\nslab 5000000\nnew_key 99\n",
}
PARTS = [name for name in Composition.__struct_fields__ if name not in {"shmem", "swap"}]


def seen(usage: int, **parts: int) -> UsageDetail:
    kinds = Composition(**{"anon": 0, "file": 0, "shmem": 0, **parts})
    return UsageDetail(UsageSample(NOW - 5, usage), kinds, 3)


def at_the_pod(**more: object) -> Incident:
    snapshot = replace(SNAPSHOT, limits=PodLimits(GIB, (GIB,)), log=(replace(LOG, constraint=None,
                    victims=(SMALL,)),), **more)  # fmt: skip
    increments = replace(snapshot.increments, oom_local=1)
    return investigate(
        replace(RANGE, container_limit=GIB), replace(snapshot, increments=increments), CONTEXT
    )


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_parts_add_up_to_what_is_charged(kernel: str) -> None:
    found = parse_composition(KERNELS[kernel])
    assert found is not None
    usage = 1_000_000 + 500_000 + 3_000_000 + 5_100_000
    assert 0.9 * usage <= sum(getattr(found, part) for part in PARTS) <= 1.01 * usage


def test_the_parts_of_slab_are_added_up_on_kernels_without_a_total() -> None:
    found = parse_composition(
        b"anon 1\nfile 2\nshmem 0\nslab_reclaimable 5\nslab_unreclaimable 6\n"
    )
    assert found is not None
    assert found.slab == 11


def test_swap_is_reported_separately_from_charged_memory() -> None:
    found = parse_composition(b"anon 1\nfile 2\nshmem 0\n", swap=7)
    assert found is not None
    assert (found.swap, found.within(3).swap) == (7, 7)


@given(st.dictionaries(st.sampled_from(["anon", "file", "shmem", "slab", "kernel", "sock", "zswap",
                       "pagetables", "percpu", "vmalloc", "kernel_stack", "hugetlb", "junk"]),
                       st.integers(0, 1 << 70)), st.integers(0, 1 << 62))  # fmt: skip
def test_no_part_is_negative_or_more_than_is_charged(counters: dict[str, int], usage: int) -> None:
    text = "".join(f"{key} {size}\n" for key, size in counters.items()).encode()
    found = parse_composition(text)
    if found is not None:
        bounded = found.within(usage)
        sizes = [getattr(bounded, part) for part in [*PARTS, "shmem"]]
        assert all(0 <= size <= usage for size in sizes)


def test_a_record_has_all_parts_except_empty_ones() -> None:
    timeline = MemoryTimeline(
        UsageSample(NOW - 5, GIB), (), seen(GIB, anon=MIB, slab=900 * MIB, swap=2 * MIB)
    )
    detail = oom_kill(replace(at_the_pod(), context=replace(CONTEXT, memory=timeline)))["memory"][
        "detail"
    ]
    assert {key: detail[key] for key in ("anon", "file", "shmem", "slab", "swap")} == {
        "anon": "1Mi", "file": "0", "shmem": "0", "slab": "900Mi", "swap": "2Mi",
    }  # fmt: skip
    assert "sock" not in detail
    assert parse_bytes(MemoryDetail.model_validate(detail).slab or "") == 900 * MIB


@pytest.mark.parametrize(
    ("part", "word"),
    [
        ("slab", "mostly inodes and directory entries"),
        ("shmem", "emptyDir with medium Memory, /dev/shm"),
        ("sock", "buffers of network connections"),
        ("kernel_stack", "very many threads"),
        ("kernel_other", "other kernel memory that is charged to it"),
    ],
)
def test_the_note_names_what_filled_the_limit_if_it_was_not_the_processes(
    part: str, word: str
) -> None:
    parts = {part: 900 * MIB, **({"file": 900 * MIB} if part == "shmem" else {})}
    line = note(at_the_pod(last_detail=seen(GIB, **parts)))
    assert "Most of the memory, 900Mi of 1Gi, was " in line
    assert word in line
    assert "Raise its memory limit" in line


def test_memory_of_the_victims_is_not_reported_as_page_cache() -> None:
    before = seen(GIB, file=900 * MIB)
    assert largest_part_before(before, [replace(HOG, anon_rss=800 * MIB)], GIB) is None
    assert largest_part_before(before, [SMALL], GIB) is not None
    assert largest_part_before(seen(GIB, anon=900 * MIB), [SMALL], GIB) is None


def test_retained_tmpfs_is_reported_with_what_frees_it() -> None:
    pod_memory = PodMemory(seen(950 * MIB, file=940 * MIB, shmem=940 * MIB))
    incident = at_the_pod(pod_memory=pod_memory)
    line = note(incident)
    assert "940Mi of the limit is still used by tmpfs and shared memory (emptyDir with" in line
    assert (
        "Delete files there, recreate the pod, or set a sizeLimit below the limit for the volume."
        in line
    )
    assert "Raise its memory limit" not in line
    assert oom_kill(incident)["podMemory"]["shmem"] == "940Mi"


def test_shared_memory_of_running_containers_is_not_retained_tmpfs() -> None:
    pod_memory = PodMemory(seen(950 * MIB, file=940 * MIB, shmem=940 * MIB), others_shmem=900 * MIB)
    incident = at_the_pod(pod_memory=pod_memory)
    assert (incident.largest_part, incident.pod_memory) == (None, None)
    assert "podMemory" not in oom_kill(incident)


def test_the_volumes_that_may_contain_it_are_named() -> None:
    pod_memory = PodMemory(seen(950 * MIB, file=940 * MIB, shmem=940 * MIB))
    line = note(at_the_pod(pod_memory=pod_memory, pod=replace(FACTS, tmpfs=("cache", "scratch"))))
    assert "(emptyDir with medium Memory: cache, scratch; /dev/shm) of the pod" in line
    assert "or set a sizeLimit below the limit for each of these volumes." in line


def test_shared_memory_of_a_running_database_is_not_reported_as_files() -> None:
    pod_memory = PodMemory(seen(950 * MIB, file=400 * MIB, shmem=400 * MIB), own_shmem=400 * MIB)
    assert at_the_pod(pod_memory=pod_memory).largest_part is None
    volume = replace(FACTS, tmpfs=("cache",))
    assert "400Mi of the limit is still used by tmpfs" in note(
        at_the_pod(pod_memory=pod_memory, pod=volume)
    )


def test_tmpfs_next_to_process_memory_is_reported_with_the_advice_to_raise_the_limit() -> None:
    pod_memory = PodMemory(seen(950 * MIB, anon=600 * MIB, file=300 * MIB, shmem=300 * MIB))
    line = note(at_the_pod(pod_memory=pod_memory))
    assert "300Mi of the limit is still used by tmpfs" in line
    assert line.endswith("for the volume. Raise its memory limit, or reduce its memory usage.")


def test_only_what_is_more_than_half_is_called_most() -> None:
    line = note(at_the_pod(last_detail=seen(GIB, anon=300 * MIB, slab=400 * MIB, sock=300 * MIB)))
    assert "The largest part of the memory, 400Mi of 1Gi, was the kernel's own objects" in line


def test_page_cache_is_not_reported_if_the_victims_memory_is_unknown() -> None:
    before = seen(GIB, file=900 * MIB)
    assert largest_part_before(before, [], GIB) is None
    assert largest_part_before(seen(GIB, slab=900 * MIB), [], GIB) is not None


def test_tmpfs_is_not_reported_at_a_containers_limit_that_its_processes_filled() -> None:
    pod_memory = PodMemory(seen(950 * MIB, shmem=940 * MIB))
    snapshot: PodSnapshot = replace(SNAPSHOT, pod_memory=pod_memory)
    assert investigate(RANGE, snapshot, CONTEXT).largest_part is None


def test_tmpfs_of_the_pod_is_reported_with_the_advice_at_a_containers_own_limit() -> None:
    pod_memory = PodMemory(seen(50 * MIB, shmem=30 * MIB))
    pod = replace(FACTS, tmpfs=("cache",))
    log = (replace(LOG, victims=(SMALL,)),)
    incident = investigate(
        RANGE, replace(SNAPSHOT, pod_memory=pod_memory, pod=pod, log=log), CONTEXT
    )
    line = note(incident)
    assert (
        "30Mi is still used by tmpfs and shared memory (emptyDir with medium Memory: cache;" in line
    )
    assert "it was charged to the container that wrote it" in line
    assert line.endswith("Raise its memory limit, or reduce its memory usage.")
    assert oom_kill(incident)["podMemory"]["shmem"] == "30Mi"
    detailed = replace(
        SNAPSHOT, pod_memory=pod_memory, log=log, last_detail=seen(32 * MIB, slab=30 * MIB)
    )
    assert investigate(RANGE, detailed, CONTEXT).largest_part.part == "slab"  # type: ignore[union-attr]


def test_the_longest_notes_are_not_cut() -> None:
    names = tuple(f"{number:063}" for number in range(100))
    for part in PARTS:
        before = seen(1 << 62, **{part: 1 << 62, **({"shmem": 0} if part == "file" else {})})
        many = replace(
            at_the_pod(last_detail=before), container=None, candidates=names, kills=10**9
        )
        assert len(note(many).encode()) <= NOTE_BYTES
    pod = replace(FACTS, tmpfs=names)
    pod_memory = at_the_pod(pod_memory=PodMemory(seen(1 << 62, shmem=GIB // 3)), pod=pod)
    assert len(note(replace(pod_memory, kills=10**9)).encode()) <= NOTE_BYTES
