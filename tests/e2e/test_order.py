"""Stories run slowest first, stay with those that share a fixture, and shuffle by a seed."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from e2e import order
from e2e.order import Need, Story, shuffled, slowest_first, worth_keeping


def on_node(name: str, group: str = "") -> Story:
    return Story(name, group or name, Need.NODE)


def names(stories: list[Story]) -> list[str]:
    return [story.name for story in stories]


def test_stories_without_a_node_run_first_and_then_the_slowest() -> None:
    api = Story("api", "api", Need.API_SERVER)
    chart = Story("chart", "chart", Need.NOTHING)
    stories = [on_node("quick"), chart, on_node("slow"), api]
    ordered = slowest_first(stories, {"quick": 5, "slow": 90, "chart": 100})
    assert names(ordered) == ["api", "chart", "slow", "quick"]


def test_a_group_is_ordered_by_its_total_length_and_stays_together() -> None:
    stories = [on_node("a1", "a"), on_node("b"), on_node("a2", "a")]
    ordered = slowest_first(stories, {"a1": 30, "b": 50, "a2": 30})
    assert names(ordered) == ["a1", "a2", "b"]


def test_a_group_with_one_story_on_a_node_waits_for_the_node() -> None:
    stories = [Story("g1", "g", Need.API_SERVER), on_node("g2", "g"), on_node("slow")]
    assert names(slowest_first(stories, {"g2": 10, "slow": 20})) == ["slow", "g1", "g2"]


def test_an_untimed_story_runs_in_the_middle() -> None:
    stories = [on_node("quick"), on_node("new"), on_node("slow")]
    ordered = slowest_first(stories, {"quick": 5, "slow": 90})
    assert names(ordered) == ["slow", "new", "quick"]


def test_without_any_times_stories_keep_their_written_order() -> None:
    assert names(slowest_first([on_node("a"), on_node("b")], {})) == ["a", "b"]


def test_a_seed_decides_the_whole_order_and_groups_stay_together() -> None:
    stories = [on_node(str(number), f"group-{number // 5}") for number in range(100)]
    once, again = shuffled(stories, "7"), shuffled(stories, "7")
    assert once == again != stories
    assert sorted(once, key=stories.index) == stories
    assert shuffled(stories, "8") != once
    groups = [story.group for story in once]
    assert sum(a != b for a, b in pairwise(groups)) == 19
    (first,) = (names(once)[at : at + 5] for at in [groups.index("group-0")])
    assert sorted(first) == ["0", "1", "2", "3", "4"]


def test_durations_of_long_stories_are_saved_in_whole_seconds() -> None:
    times = [{"name": "b", "seconds": 61.4}, {"name": "a", "seconds": 9.6}]
    assert worth_keeping([*times, {"name": "c", "seconds": 2.0}]) == {"a": 10, "b": 61}


def test_saved_durations_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "durations.json"
    path.write_text(json.dumps({"a": 10}))
    monkeypatch.setattr(order, "DURATIONS", path)
    assert order.known_durations() == {"a": 10}


def test_every_saved_duration_belongs_to_an_existing_story() -> None:
    """Otherwise a renamed story would be treated as untimed."""
    folder = Path(order.__file__).parent
    for name in order.known_durations():
        file, _, function = name.partition("::")
        assert f"def {function.partition('[')[0]}(" in (folder / file).read_text()
