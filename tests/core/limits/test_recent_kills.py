"""Kills that wait for a response take little memory; a flood in one namespace delays no other."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.limits import recent_kills as young_kills
from oomwarden.core.limits.recent_kills import (
    MAX_BYTES,
    MAX_PER_NAMESPACE,
    RecentKillQueue,
    compact_kill,
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
        waiting.done(found[0], 0.0)
    return names


def test_only_the_fields_that_decide_are_kept_of_a_kill() -> None:
    text = compact_kill(kill("k"))
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
    waiting.done("shop", 0.0)
    assert served(waiting, 2) == ["b", "c"]


def test_the_newest_kills_of_a_flood_are_kept_and_the_others_are_counted() -> None:
    waiting = RecentKillQueue()
    fits = [waiting.put(kill(f"k{n}"), 0.0) for n in range(18_000)]
    assert (len(waiting), fits.count(False)) == (MAX_PER_NAMESPACE, 17_800)
    assert (waiting.dropped, waiting.dropped_by_namespace) == (17_800, {"shop": 17_800})
    assert served(waiting, 1) == ["k17800"]


def test_a_record_that_is_too_large_is_rejected() -> None:
    waiting = RecentKillQueue()
    with pytest.raises(ValueError, match="more than 4096"):
        waiting.put(kill("k", pod={"owner": "x" * MAX_BYTES}), 0.0)
    assert len(waiting) == 0


def test_a_record_with_names_of_maximum_length_is_accepted() -> None:
    one = kill(
        "k" * 253,
        "n" * 63,
        node="n" * 253,
        pod={"name": "p" * 253, "uid": "u" * 36, "owner": {"kind": "雪" * 253, "name": "雪" * 253}},
        container={"name": "c" * 63, "id": "i" * 64, "type": "Sidecar", "subCgroup": "s" * 256},
        policy={"kind": "ClusterOOMPolicy", "name": "p" * 253},
        podMemory={"shmem": "x" * MAX_BYTES},
        evidence={
            "bootID": "b" * 36,
            "containers": [{"id": "i" * 64, "increments": 2**31, "kills": 2**31}] * 8,
        },
    )
    waiting = RecentKillQueue()
    assert waiting.put(one, 0.0)
    assert served(waiting, 1) == ["k" * 253]


def test_drops_are_counted_individually_for_a_bounded_number_of_namespaces() -> None:
    waiting = RecentKillQueue()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(young_kills, "MAX_COUNTED", 3)
        patch.setattr(young_kills, "MAX_PER_NAMESPACE", 1)
        for number in range(10):
            waiting.put(kill("a", f"ns-{number}"), 0.0)
            waiting.put(kill("b", f"ns-{number}"), 0.0)
    assert (waiting.dropped, len(waiting.dropped_by_namespace)) == (10, 3)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=200))
def test_the_queue_is_bounded_and_each_kill_is_served_or_counted(
    steps: list[tuple[str, bool]],
) -> None:
    waiting, put, taken = RecentKillQueue(), 0, 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(young_kills, "MAX_KILLS", 12)
        patch.setattr(young_kills, "MAX_PER_NAMESPACE", 8)
        for namespace, serve in steps:
            if serve and (found := waiting.next(0.0)):
                taken += 1
                waiting.done(found[0], 0.0)
            else:
                put += 1
                waiting.put(kill(f"k{put}", namespace), 0.0)
            assert all(len(queue) <= 8 for queue in waiting._by_namespace.values())
            assert len(waiting) <= 24
    assert put == taken + len(waiting) + waiting.dropped
