"""Which policies are cached does not depend on the order in which they arrive."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.api.codec.codec import encode
from oomwarden.core.policy import policy_cache as policy_shelf
from oomwarden.core.policy.matching import rank
from oomwarden.core.policy.policy import NAMESPACED, Policy, PolicyKey, key_of
from oomwarden.core.policy.policy_cache import (
    CachedPolicy,
    NamespacePolicies,
    PoliciesByNamespace,
    cached_policy,
    describe_left_out,
    fair_limit,
    unparsed_policy,
)
from oomwarden.core.reporting.bounds import bounds_remedy, left_out_reports


def one(name: str, priority: int = 0, namespace: str = "shop", size: int = 0) -> CachedPolicy:
    metadata = {"name": name, "namespace": namespace, "generation": 3}
    rule = {"oomScoreAdj": 5, "processes": [{"command": "x" * 250, "oomScoreAdj": 1}] * size}
    manifest: dict[str, Any] = {
        "metadata": metadata,
        "spec": {"podSelector": {}, "priority": priority, "rules": [rule]},
    }
    return cached_policy(NAMESPACED, key_of(NAMESPACED, manifest), manifest)


def manifest_of(one: CachedPolicy) -> dict[str, Any]:
    assert isinstance(one.content, Policy)
    return {"metadata": {"name": one.key[2]}, "spec": encode(one.content.spec)}


def cached(*entries: CachedPolicy, most: int = 1 << 30) -> NamespacePolicies:
    cache = NamespacePolicies()
    for each in entries:
        cache.put(each, most)
    return cache


def names(cache: NamespacePolicies) -> list[str]:
    return sorted(cache.entries)


POLICIES = st.lists(
    st.tuples(st.sampled_from("abcdefghij"), st.integers(-2, 2), st.integers(0, 3)),
    max_size=12,
    unique_by=lambda each: each[0],
)


@given(POLICIES, st.integers(0, 40_000), st.randoms(use_true_random=False))
def test_the_policies_that_rank_first_are_cached_in_any_order(
    policies: list[tuple[str, int, int]], most: int, chance: random.Random
) -> None:
    entries = [one(name, priority, size=size) for name, priority, size in policies]
    shuffled = chance.sample(entries, len(entries))
    cache = cached(*shuffled, most=most)
    assert names(cache) == names(cached(*entries, most=most))
    assert cache.weight == sum(each.weight for each in cache.entries.values()) <= most
    ranked = sorted(entries, key=lambda each: each.rank)
    assert {each.key[2] for each in ranked[: len(cache.entries)]} == set(cache.entries)
    assert len(cache.left_out) == len(entries) - len(cache.entries)
    contents = [each.content for each in ranked]
    for each in ranked:
        assert unparsed_policy(NAMESPACED, each.key, manifest_of(each)).rank == each.rank
    assert [rank(each) for each in contents if isinstance(each, Policy)] == sorted(
        rank(each) for each in contents if isinstance(each, Policy)
    )


def test_a_policy_behind_one_that_is_left_out_is_left_out_even_if_it_fits() -> None:
    large, small = one("large", 5, size=9), one("small", 1)
    cache = cached(large, small, most=small.weight)
    assert names(cache) == []
    assert describe_left_out(cache) == "2 (first of them: large, small)"


def test_the_number_of_cached_policies_is_bounded_however_small_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(policy_shelf, "MAX_POLICIES", 3)
    cache = cached(*(one(f"p{n:02}") for n in range(99)))
    assert names(cache) == ["p00", "p01", "p02"]
    assert len(cache.left_out) == 96
    assert describe_left_out(cache) == "96 (first of them: p03, p04, p05)"


def test_free_room_requires_a_new_list_only_while_a_policy_is_left_out() -> None:
    a, b = one("a"), one("b")
    cache = cached(a, b, most=a.weight)
    assert not cache.needs_relist
    cache.drop("b")
    assert (cache.left_out, cache.left_out_named) == (set(), [])
    cache.drop("a")
    assert not cache.needs_relist
    cache = cached(a, b, most=a.weight)
    cache.drop("a")
    assert cache.needs_relist


def test_an_invalid_policy_never_displaces_a_valid_one() -> None:
    broken = {"metadata": {"name": "a", "namespace": "shop"}, "spec": {"rules": "x" * 100_000}}
    problems = cached_policy(NAMESPACED, PolicyKey(NAMESPACED, "shop", "a"), broken)
    assert problems.weight < 8192
    good = one("z")
    assert names(cached(problems, good, most=good.weight)) == ["z"]


def test_the_largest_namespaces_give_way_first_and_cluster_policies_do_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    each = one("p00", size=3).weight
    monkeypatch.setattr(policy_shelf, "NODE_BYTES", 10 * each)
    namespaces = PoliciesByNamespace(
        {
            "": NamespacePolicies(),
            "small": NamespacePolicies(),
            "large": NamespacePolicies(),
            "larger": NamespacePolicies(),
        }
    )
    counts = {"small": 2, "large": 9, "larger": 30, "": 5, "elsewhere": 3}
    for namespace, count in counts.items():
        for number in range(count):
            namespaces.put(one(f"p{number:02}", namespace=namespace, size=3))
    cached = {name: len(cache.entries) for name, cache in namespaces.by_namespace.items()}
    assert cached == {"": 5, "small": 2, "large": 4, "larger": 4}


@given(st.lists(st.integers(0, 100)), st.integers(0, 1000))
def test_a_fair_limit_keeps_small_ones_whole_and_treats_the_rest_alike(
    weights: list[int], most: int
) -> None:
    limit = fair_limit(weights, most)
    given = [min(weight, limit) for weight in weights]
    assert sum(given) <= most or not weights
    if sum(weights) > most:
        assert sum(given) > most - len(weights)


def test_a_condition_names_what_is_left_out_and_the_remedy() -> None:
    full = cached(one("a"), one("b"), most=one("a").weight)
    reported, reason = bounds_remedy(
        {"shop": full, "": NamespacePolicies()}, {"db": "503 away"}, [("x/y", "9 labels")]
    )
    assert reason == "LeftOut"
    for part in ("namespace shop: 1 (first of them: b)", "db: 503 away", "x/y: 9 labels", "remove"):
        assert part in reported
    assert bounds_remedy({}, {"db": "away"}, [])[1] == "NotKnownYet"
    assert bounds_remedy({"": NamespacePolicies()}, {}, [])[0] == ""


def test_a_condition_stays_short_however_much_is_left_out() -> None:
    pods = [(f"{'n' * 63}/{'p' * 253}-{n}", "9 of 10 labels") for n in range(5000)]
    reported, _ = bounds_remedy({}, {f"n{n}": "x" * 300 for n in range(500)}, pods)
    assert len(reported) < 8000
    assert "and 4995 more" in reported


def test_a_policy_without_room_is_reported_at_its_generation_with_the_remedy() -> None:
    (report,) = left_out_reports({PolicyKey(NAMESPACED, "shop", "last"): 4})
    assert (report.name, report.observed_generation, report.pods) == ("last", 4, 0)
    (refusal,) = report.refusals
    assert (refusal.reason, refusal.container) == ("LeftOut", "")
    assert "remove policies, or merge the rules of several into one" in refusal.message
