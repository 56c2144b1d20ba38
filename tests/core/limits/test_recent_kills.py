"""Kills that wait for an answer take little, and one namespace's flood keeps no other waiting."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.limits import recent_kills
from oomwarden.core.limits.recent_kills import (
    MOST_BYTES,
    MOST_OF_A_NAMESPACE,
    RecentKillQueue,
    kept,
)


def kill(name: str, namespace: str = "shop", **parts: object) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": "t",
                     "managedFields": [{"x": "y" * 9000}]},
        "node": "node-1", "cause": "ContainerLimit", "limit": "512Mi",
        "victims": [{"pid": 1, "command": "x" * 200}] * 16,
        "memory": {"samples": [{"usage": "400Mi"}] * 300},
        **parts,
    }  # fmt: skip


def served(waiting: RecentKillQueue, count: int) -> list[str]:
    names = []
    for _ in range(count):
        found = waiting.next(0.0)
        assert found is not None
        names.append(found[1]["metadata"]["name"])
        waiting.again(found[0], 0.0)
    return names


def test_of_a_kill_only_what_decides_is_kept() -> None:
    text = kept(kill("k"))
    assert text is not None
    assert len(text) < 200
    assert json.loads(text) == {
        "node": "node-1", "cause": "ContainerLimit", "limit": "512Mi",
        "metadata": {"name": "k", "namespace": "shop", "creationTimestamp": "t"},
    }  # fmt: skip


def test_namespaces_take_turns_and_each_has_its_oldest_first() -> None:
    waiting = RecentKillQueue()
    for number in range(3):
        waiting.put(kill(f"flood-{number}", "flood"), 0.0)
    waiting.put(kill("honest"), 0.0)
    assert served(waiting, 4) == ["flood-0", "honest", "flood-1", "flood-2"]
    assert (waiting.next(0.0), len(waiting), waiting._by_namespace) == (None, 0, {})


def test_a_namespace_has_one_turn_at_a_time() -> None:
    waiting = RecentKillQueue()
    waiting.put(kill("a"), 0.0)
    waiting.put(kill("b"), 0.0)
    assert waiting.next(0.0) is not None
    waiting.put(kill("c"), 0.0)
    assert waiting.next(0.0) is None
    waiting.again("shop", 0.0)
    assert served(waiting, 2) == ["b", "c"]


def test_of_a_flood_the_newest_stay_and_the_others_are_counted() -> None:
    waiting = RecentKillQueue()
    fits = [waiting.put(kill(f"k{n}"), 0.0) for n in range(18_000)]
    assert (len(waiting), fits.count(False)) == (MOST_OF_A_NAMESPACE, 17_800)
    assert (waiting.dropped, waiting.dropped_of) == (17_800, {"shop": 17_800})
    assert served(waiting, 1) == ["k17800"]


def test_a_record_of_an_unusual_size_is_refused_by_its_size() -> None:
    waiting = RecentKillQueue()
    with pytest.raises(ValueError, match="more than 4096"):
        waiting.put(kill("k", pod={"owner": "x" * MOST_BYTES}), 0.0)
    assert len(waiting) == 0


def test_a_record_with_all_names_at_their_longest_waits_for_an_answer() -> None:
    one = kill(
        "k" * 253,
        "n" * 63,
        node="n" * 253,
        pod={"name": "p" * 253, "uid": "u" * 36, "owner": {"kind": "雪" * 253, "name": "雪" * 253}},
        container={"name": "c" * 63, "id": "i" * 64, "type": "Sidecar", "subCgroup": "s" * 256},
        policy={"kind": "ClusterOOMPolicy", "name": "p" * 253},
        podMemory={"shmem": "x" * MOST_BYTES},
        evidence={
            "bootID": "b" * 36,
            "containers": [{"id": "i" * 64, "increments": 2**31, "kills": 2**31}] * 8,
        },
    )
    waiting = RecentKillQueue()
    assert waiting.put(one, 0.0)
    assert served(waiting, 1) == ["k" * 253]


def test_of_thousands_of_namespaces_that_flood_not_each_is_counted_by_itself() -> None:
    waiting = RecentKillQueue()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recent_kills, "MOST_COUNTED", 3)
        patch.setattr(recent_kills, "MOST_OF_A_NAMESPACE", 1)
        for number in range(10):
            waiting.put(kill("a", f"ns-{number}"), 0.0)
            waiting.put(kill("b", f"ns-{number}"), 0.0)
    assert (waiting.dropped, len(waiting.dropped_of)) == (10, 3)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=200))
def test_no_more_than_so_many_wait_and_each_is_served_or_counted(
    steps: list[tuple[str, bool]],
) -> None:
    waiting, put, taken = RecentKillQueue(), 0, 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recent_kills, "MOST", 12)
        patch.setattr(recent_kills, "MOST_OF_A_NAMESPACE", 8)
        for namespace, serve in steps:
            if serve and (found := waiting.next(0.0)):
                taken += 1
                waiting.again(found[0], 0.0)
            else:
                put += 1
                waiting.put(kill(f"k{put}", namespace), 0.0)
            assert all(len(queue) <= 8 for queue in waiting._by_namespace.values())
            assert len(waiting) <= 24
    assert put == taken + len(waiting) + waiting.dropped
