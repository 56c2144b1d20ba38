"""Which policies are held does not depend on the order in which they are told."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.policy import policy_cache
from oomwarden.core.policy.matching import rank
from oomwarden.core.policy.policy import NAMESPACED, Policy, key_of
from oomwarden.core.policy.policy_cache import (
    CachedPolicy,
    Shelf,
    Shelves,
    entry,
    fair_limit,
    left_out,
    unread,
)
from oomwarden.core.reporting.bounds import beyond, without_room


def one(name: str, priority: int = 0, namespace: str = "shop", size: int = 0) -> CachedPolicy:
    metadata = {"name": name, "namespace": namespace, "generation": 3}
    rule = {"oomScoreAdj": 5, "processes": [{"command": "x" * 250, "oomScoreAdj": 1}] * size}
    manifest: dict[str, Any] = {
        "metadata": metadata,
        "spec": {"podSelector": {}, "priority": priority, "rules": [rule]},
    }
    return entry(NAMESPACED, key_of(NAMESPACED, manifest), manifest)


def manifest_of(one: CachedPolicy) -> dict[str, Any]:
    assert isinstance(one.content, Policy)
    return {"metadata": {"name": one.key[2]}, "spec": one.content.spec.model_dump(by_alias=True)}


def shelf_of(*entries: CachedPolicy, most: int = 1 << 30) -> Shelf:
    shelf = Shelf()
    for each in entries:
        shelf.put(each, most)
    return shelf


def names(shelf: Shelf) -> list[str]:
    return sorted(shelf.entries)


POLICIES = st.lists(
    st.tuples(st.sampled_from("abcdefghij"), st.integers(-2, 2), st.integers(0, 3)),
    max_size=12,
    unique_by=lambda each: each[0],
)


@given(POLICIES, st.integers(0, 40_000), st.randoms(use_true_random=False))
def test_those_are_held_that_rank_first_in_whatever_order_they_come(
    policies: list[tuple[str, int, int]], most: int, chance: random.Random
) -> None:
    entries = [one(name, priority, size=size) for name, priority, size in policies]
    shuffled = chance.sample(entries, len(entries))
    shelf = shelf_of(*shuffled, most=most)
    assert names(shelf) == names(shelf_of(*entries, most=most))
    assert shelf.weight == sum(each.weight for each in shelf.entries.values()) <= most
    ranked = sorted(entries, key=lambda each: each.rank)
    assert {each.key[2] for each in ranked[: len(shelf.entries)]} == set(shelf.entries)
    assert len(shelf.left) == len(entries) - len(shelf.entries)
    contents = [each.content for each in ranked]
    for each in ranked:
        assert unread(NAMESPACED, each.key, manifest_of(each)).rank == each.rank
    assert [rank(each) for each in contents if isinstance(each, Policy)] == sorted(
        rank(each) for each in contents if isinstance(each, Policy)
    )


def test_what_ranks_behind_one_that_is_left_out_is_left_out_though_it_would_fit() -> None:
    large, small = one("large", 5, size=9), one("small", 1)
    shelf = shelf_of(large, small, most=small.weight)
    assert names(shelf) == []
    assert left_out(shelf) == "2 (first of them: large, small)"


def test_no_more_than_so_many_are_held_however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_cache, "MOST_POLICIES", 3)
    shelf = shelf_of(*(one(f"p{n:02}") for n in range(99)))
    assert names(shelf) == ["p00", "p01", "p02"]
    assert len(shelf.left) == 96
    assert left_out(shelf) == "96 (first of them: p03, p04, p05)"


def test_room_that_comes_free_asks_for_a_new_list_only_while_something_is_left_out() -> None:
    a, b = one("a"), one("b")
    shelf = shelf_of(a, b, most=a.weight)
    assert not shelf.stale
    shelf.drop("b")
    assert (shelf.left, shelf.named) == (set(), [])
    shelf.drop("a")
    assert not shelf.stale
    shelf = shelf_of(a, b, most=a.weight)
    shelf.drop("a")
    assert shelf.stale


def test_a_policy_that_cannot_be_read_takes_no_place_of_one_that_can() -> None:
    broken = {"metadata": {"name": "a", "namespace": "shop"}, "spec": {"rules": "x" * 100_000}}
    odd = entry(NAMESPACED, (NAMESPACED, "shop", "a"), broken)
    assert odd.weight < 8192
    good = one("z")
    assert names(shelf_of(odd, good, most=good.weight)) == ["z"]


def test_namespaces_with_most_give_way_first_and_the_clusters_own_do_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    each = one("p00", size=3).weight
    monkeypatch.setattr(policy_cache, "NODE_BYTES", 10 * each)
    shelves = Shelves({"": Shelf(), "small": Shelf(), "large": Shelf(), "larger": Shelf()})
    counts = {"small": 2, "large": 9, "larger": 30, "": 5, "elsewhere": 3}
    for namespace, count in counts.items():
        for number in range(count):
            shelves.put(one(f"p{number:02}", namespace=namespace, size=3))
    held = {name: len(shelf.entries) for name, shelf in shelves.by_namespace.items()}
    assert held == {"": 5, "small": 2, "large": 4, "larger": 4}


@given(st.lists(st.integers(0, 100)), st.integers(0, 1000))
def test_a_fair_limit_gives_the_small_all_and_the_rest_alike(weights: list[int], most: int) -> None:
    limit = fair_limit(weights, most)
    given = [min(weight, limit) for weight in weights]
    assert sum(given) <= most or not weights
    if sum(weights) > most:
        assert sum(given) > most - len(weights)


def test_a_condition_names_what_is_not_held_and_what_to_do() -> None:
    full = shelf_of(one("a"), one("b"), most=one("a").weight)
    told, reason = beyond({"shop": full, "": Shelf()}, {"db": "503 away"}, [("x/y", "9 labels")])
    assert reason == "LeftOut"
    for part in ("namespace shop: 1 (first of them: b)", "db: 503 away", "x/y: 9 labels", "remove"):
        assert part in told
    assert beyond({}, {"db": "away"}, [])[1] == "NotKnownYet"
    assert beyond({"": Shelf()}, {}, [])[0] == ""


def test_a_condition_stays_short_however_much_is_not_held() -> None:
    pods = [(f"{'n' * 63}/{'p' * 253}-{n}", "9 of 10 labels") for n in range(5000)]
    told, _ = beyond({}, {f"n{n}": "x" * 300 for n in range(500)}, pods)
    assert len(told) < 8000
    assert "and 4995 more" in told


def test_a_policy_without_room_is_reported_at_its_generation_with_the_remedy() -> None:
    (report,) = without_room({(NAMESPACED, "shop", "last"): 4})
    assert (report.name, report.observed_generation, report.pods) == ("last", 4, 0)
    (refusal,) = report.refusals
    assert (refusal.reason, refusal.container) == ("LeftOut", "")
    assert "remove policies, or put the rules of several into one" in refusal.message
