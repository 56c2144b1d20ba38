"""What an OOMNode says before a kill: the most urgent first, and a bounded number."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from oomwarden.api.codec.codec import encode
from oomwarden.api.oomnode import AgentInfo, KernelInfo, OOMNodeStatus
from oomwarden.api.vocabulary import MAX_NEAR_MISSES, MAX_PATTERNS
from oomwarden.core.incidents.near_misses import RecentNearMisses
from oomwarden.core.parse.pressure import MemoryStalls, StallAverages
from oomwarden.core.reporting.memory_outlook import (
    ContainerPlace,
    NearMissFacts,
    PatternFacts,
    memory_outlook,
    outlook_news,
)
from oomwarden.core.usage_pattern.verdict import Pattern, Verdict

MIB = 1 << 20
AT = 1_800_000_000.7
PLACE = ContainerPlace("shop", "api-1", "app")
STALLS = MemoryStalls(StallAverages(0.1, 12.5, 3.0), None)
LEAK = Verdict(Pattern.LEAK, "grew 30 MiB an hour for 8 h", 8738.1, 7200.4)
STEADY = Verdict(Pattern.STEADY, "between 90 MiB and 95 MiB for 8 h")


def misses(count: int, name: str = "app") -> NearMissFacts:
    found = RecentNearMisses(("uid", name), count, AT, AT + 60)
    return NearMissFacts(PLACE._replace(container=name or None), found, 32 * MIB, STALLS)


def pattern(verdict: Verdict, usage: int = 50, name: str = "app") -> PatternFacts:
    return PatternFacts(PLACE._replace(container=name), verdict, usage * MIB, 100 * MIB)


def test_near_misses_are_reported_with_limit_times_and_pressure() -> None:
    found = memory_outlook([misses(7)], []).near_misses
    assert encode(found) == {
        "total": 7,
        "containers": [
            {
                "namespace": "shop",
                "pod": "api-1",
                "container": "app",
                "count": 7,
                "since": "2027-01-15T08:00:00Z",
                "last": "2027-01-15T08:01:00Z",
                "limit": "32Mi",
                "pressure": {"some": {"avg10": "0.10", "avg60": "12.50", "avg300": "3.00"}},
            },
        ],
        "leftOut": 0,
    }


def test_the_limit_of_a_whole_pod_has_no_container() -> None:
    (found,) = memory_outlook([misses(7, "")], []).near_misses.containers
    assert found.container is None


@given(st.lists(st.integers(1, 1000), max_size=60))
def test_the_most_near_misses_are_listed_and_all_are_counted(counts: list[int]) -> None:
    facts = [misses(count, f"c{number}") for number, count in enumerate(counts)]
    found = memory_outlook(facts, []).near_misses
    assert found.total == sum(counts)
    assert len(found.containers) + found.left_out == len(counts)
    listed = [each.count for each in found.containers]
    assert listed == sorted(counts, reverse=True)[:MAX_NEAR_MISSES]


def test_leaks_come_first_by_the_time_that_is_left_then_what_is_near_its_limit() -> None:
    facts = [
        pattern(STEADY, 85, "near"),
        pattern(STEADY, 50, "calm"),
        pattern(replace(LEAK, seconds_to_limit=None), 10, "slow"),
        pattern(STEADY, 95, "nearer"),
        pattern(LEAK, 60, "leaking"),
    ]
    outlook = memory_outlook([], facts)
    names = [each.container for each in outlook.patterns]
    assert names == ["leaking", "slow", "nearer", "near"]
    assert encode(outlook.patterns[0]) == {
        "namespace": "shop",
        "pod": "api-1",
        "container": "leaking",
        "pattern": "Leak",
        "evidence": "grew 30 MiB an hour for 8 h",
        "usage": "60Mi",
        "limit": "100Mi",
        "secondsToLimit": 7200,
    }


def test_patterns_are_bounded_and_the_rest_is_counted() -> None:
    facts = [pattern(LEAK, name=f"c{number}") for number in range(MAX_PATTERNS + 5)]
    outlook = memory_outlook([], facts)
    assert (len(outlook.patterns), outlook.patterns_left_out) == (MAX_PATTERNS, 5)


def status(near: list[NearMissFacts], patterns: list[PatternFacts]) -> OOMNodeStatus:
    outlook, at = memory_outlook(near, patterns), "2027-01-15T08:00:00Z"
    return OOMNodeStatus(
        agent=AgentInfo(version="1", store_id="s", started=at, heartbeat=at),
        kernel=KernelInfo(release="6.1", boot_id="b", cgroup_driver="systemd"),
        near_misses=outlook.near_misses,
        patterns=outlook.patterns,
    )


def test_more_near_misses_are_news_only_once_there_are_ten_times_as_many() -> None:
    before = outlook_news(status([misses(20)], []))
    assert outlook_news(status([misses(99)], [])) == before
    assert outlook_news(status([misses(100)], [])) != before


def test_another_time_to_the_limit_is_no_news_and_another_pattern_is() -> None:
    before = outlook_news(status([], [pattern(LEAK, 60)]))
    later = pattern(replace(LEAK, seconds_to_limit=60.0), 90)
    assert outlook_news(status([], [later])) == before
    assert outlook_news(status([], [pattern(STEADY, 90)])) != before
