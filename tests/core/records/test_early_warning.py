"""Events before a kill: one name in an hour, or in the life of a container."""

import pytest
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.parse.memory_stat import Composition
from oomwarden.core.parse.pressure import MemoryStalls, StallAverages
from oomwarden.core.records.early_warning import WarnedContainer, leak_event, limit_hit_event
from oomwarden.core.usage_pattern.verdict import Pattern, Verdict

MIB = 1 << 20
NOW = 1_800_000_000.0
APP = ContainerFacts("app", ContainerType.APP, "a" * 64)
POD = PodFacts("uid", "uid", "shop", "api-1", {}, QOSClass.BURSTABLE, containers=(APP,))
ABOUT = WarnedContainer(POD, APP, 32 * MIB, "node-1")
STALLS = MemoryStalls(StallAverages(0.0, 12.34, 0.0), None)
LEAK = Verdict(Pattern.LEAK, "grew 30 MiB an hour for 8 h", 8738.0, 7200.0)


def test_an_event_about_near_misses_says_how_many_and_what_to_do() -> None:
    event = limit_hit_event(ABOUT, 1234, NOW)
    assert event["note"] == (
        "container app hit its memory limit 32Mi 1234 times within an hour, and the kernel could "
        "reclaim memory each time. Raise its memory limit, or reduce its memory usage, before it "
        "is killed."
    )
    assert (event["reason"], event["type"], event["action"]) == (
        "MemoryLimitHit", "Warning", "Observed",
    )  # fmt: skip
    assert event["regarding"]["fieldPath"] == "spec.containers{app}"
    assert event["reportingInstance"] == "node-1"


@pytest.mark.parametrize(
    ("consists", "is_cache"),
    [
        (Composition(anon=5 * MIB, file=25 * MIB, shmem=0), True),
        (Composition(anon=5 * MIB, file=25 * MIB, shmem=20 * MIB), False),
        (Composition(anon=25 * MIB, file=5 * MIB, shmem=0), False),
        (Composition(anon=0, file=0, shmem=0), False),
    ],
)
def test_page_cache_that_can_be_dropped_is_said_to_be_harmless(
    consists: Composition, *, is_cache: bool
) -> None:
    note = limit_hit_event(ABOUT, 9, NOW, STALLS, consists)["note"]
    assert "waited for memory for 12.3 % of the last minute." in note
    assert ("harmless" in note) == is_cache


def test_the_limit_of_a_whole_pod_has_no_field_path() -> None:
    event = limit_hit_event(WarnedContainer(POD, None, None, "n"), 9, NOW)
    assert event["note"].startswith("the pod hit its memory limit 9 times")
    assert "fieldPath" not in event["regarding"]


def test_an_event_has_one_name_within_an_hour_and_another_one_later() -> None:
    name = limit_hit_event(ABOUT, 5, NOW)["metadata"]["name"]
    assert limit_hit_event(ABOUT, 500, NOW + 60)["metadata"]["name"] == name
    assert limit_hit_event(ABOUT, 5, NOW + 3600)["metadata"]["name"] != name


def test_an_event_about_a_leak_has_the_evidence_and_the_time_that_is_left() -> None:
    event = leak_event(ABOUT, "a" * 64, LEAK, NOW)
    assert event["reason"] == "MemoryLeakSuspected"
    assert event["note"] == (
        "container app probably leaks memory and will reach its memory limit 32Mi in about 2 h: "
        "grew 30 MiB an hour for 8 h. Find what it keeps, or restart it before it is killed."
    )


def test_a_leak_has_one_event_in_the_life_of_a_container() -> None:
    name = leak_event(ABOUT, "a" * 64, LEAK, NOW)["metadata"]["name"]
    assert leak_event(ABOUT, "a" * 64, LEAK, NOW + 86400)["metadata"]["name"] == name
    assert leak_event(ABOUT, "b" * 64, LEAK, NOW)["metadata"]["name"] != name


def test_the_longest_names_and_texts_fit_into_an_event() -> None:
    pod = PodFacts("uid", "uid", "n" * 63, "p" * 253, {}, QOSClass.BURSTABLE)
    about = WarnedContainer(pod, ContainerFacts("c" * 63, ContainerType.APP), 1 << 60, "n" * 253)
    event = leak_event(about, "a" * 64, Verdict(Pattern.LEAK, "x" * 2000, 1.0, 1e9), NOW)
    assert len(event["metadata"]["name"]) <= 253
    assert len(event["note"].encode()) <= 1024
    assert len(event["reportingInstance"]) <= 128
