"""The cache keeps the policies that may select a pod of this node, and nothing else."""

from typing import Any

import pytest
from oomwarden.agent.informers.namespaces import NamespaceCache
from oomwarden.agent.informers.policies import FORGET_SECONDS, MAX_EVENTS_DURING_LIST, PolicyCache
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED, PolicyKey

from tests.support.enforcing import listed


def manifest(
    name: str, score: int = 5, namespace: str | None = "shop", version: str = ""
) -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    return {
        "metadata": {"name": name, "generation": 1, "resourceVersion": version, **place},
        "spec": {"podSelector": {}, "rules": [{"oomScoreAdj": score}]},
    }


@pytest.fixture
def changes() -> list[str]:
    return []


@pytest.fixture
def cache(changes: list[str]) -> PolicyCache:
    cache = PolicyCache(lambda: changes.append("changed"))
    cache.track_namespaces({"shop"}, 0.0)
    listed(cache, NAMESPACED)
    changes.clear()
    return cache


def names(cache: PolicyCache, namespace: str = "shop") -> list[str]:
    return sorted(policy.name for policy in cache.candidates(namespace))


def test_the_cache_is_synced_once_both_kinds_are_listed(cache: PolicyCache) -> None:
    assert not cache.synced
    listed(cache, CLUSTER)
    assert cache.synced


def test_candidates_are_those_of_the_namespace_and_of_the_cluster(cache: PolicyCache) -> None:
    listed(cache, NAMESPACED, manifest("a"), manifest("b", namespace="other"))
    listed(cache, CLUSTER, manifest("c", namespace=None))
    assert names(cache) == ["a", "c"]


def test_a_new_list_of_one_kind_leaves_the_other(cache: PolicyCache) -> None:
    listed(cache, NAMESPACED, manifest("a"), manifest("broken", -1000))
    listed(cache, CLUSTER, manifest("c", namespace=None))
    listed(cache, NAMESPACED, manifest("b"))
    assert (names(cache), cache.unreadable) == (["b", "c"], {})


def test_an_event_about_the_status_alone_is_no_change(
    cache: PolicyCache, changes: list[str]
) -> None:
    handler, before = cache.event_handler(NAMESPACED), cache.version
    handler.apply(manifest("a"))
    handler.apply({**manifest("a"), "status": {"pods": 3}})
    assert (changes, cache.version) == (["changed"], before + 1)
    handler.apply(manifest("a", 6))
    assert cache.version == before + 2


def test_policies_of_a_list_beyond_the_bound_are_left_out_unparsed(
    cache: PolicyCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oomwarden.core.policy.policy_cache.MAX_POLICIES", 1)
    listed(cache, NAMESPACED, manifest("a"), manifest("b"), manifest("broken", -1000))
    assert (names(cache), cache.unreadable) == (["a"], {})
    assert list(cache.left_out) == [(NAMESPACED, "shop", "b"), (NAMESPACED, "shop", "broken")]


def test_a_policy_that_cannot_be_read_does_not_compete(
    cache: PolicyCache, caplog: pytest.LogCaptureFixture
) -> None:
    handler = cache.event_handler(NAMESPACED)
    handler.apply(manifest("a"))
    handler.apply(manifest("a", -1000))
    assert names(cache) == []
    assert "spec.rules[0].oomScoreAdj" in cache.unreadable[PolicyKey(NAMESPACED, "shop", "a")]
    assert caplog.text.count("OOMPolicy/shop/a is not in effect") == 1
    version = cache.version
    handler.apply(manifest("a", -1000))
    assert cache.version == version
    handler.apply(manifest("a"))
    assert (names(cache), cache.unreadable) == (["a"], {})


def test_a_deleted_policy_is_removed(cache: PolicyCache) -> None:
    handler = cache.event_handler(NAMESPACED)
    listed(cache, NAMESPACED, manifest("a"), manifest("broken", -1000))
    handler.delete(manifest("a"))
    handler.delete(manifest("broken", -1000))
    assert (names(cache), cache.unreadable) == ([], {})


def test_an_object_without_a_name_is_skipped(cache: PolicyCache) -> None:
    listed(cache, NAMESPACED, {}, manifest("a"))
    cache.event_handler(NAMESPACED).apply({"metadata": {}})
    assert names(cache) == ["a"]


def test_nothing_is_kept_of_a_namespace_without_a_pod_on_this_node(
    cache: PolicyCache, changes: list[str]
) -> None:
    handler = cache.event_handler(NAMESPACED)
    handler.apply(manifest("b", namespace="other"))
    handler.delete(manifest("b", namespace="other"))
    assert (changes, cache.candidates("other"), cache.is_listed("other")) == ([], [], False)
    assert set(cache.cached.by_namespace) == {"", "shop"}


async def test_a_namespace_with_its_first_pod_is_listed_and_known_after_that(
    cache: PolicyCache,
) -> None:
    await cache.list_needed[NAMESPACED].wait(0)
    cache.track_namespaces({"shop", "other"}, 1.0)
    assert cache.list_needed[NAMESPACED].is_set()
    assert cache.unlisted(NAMESPACED) == (["other"], [])
    fresh = cache.begin_list(NAMESPACED, "other")
    fresh.add(manifest("b", namespace="other"))
    fresh.version = "7"
    cache.apply_list(fresh)
    assert (cache.unlisted(NAMESPACED), names(cache, "other")) == (None, ["b"])


def test_policies_are_dropped_some_time_after_the_last_pod(cache: PolicyCache) -> None:
    listed(cache, NAMESPACED, manifest("a"))
    cache.track_namespaces(set(), FORGET_SECONDS)
    assert cache.is_listed("shop")
    cache.track_namespaces(set(), FORGET_SECONDS + 1)
    assert not cache.is_listed("shop")
    assert cache.candidates("shop") == []


def test_watch_events_during_the_list_of_a_namespace_are_neither_lost_nor_undone(
    cache: PolicyCache,
) -> None:
    cache.track_namespaces({"other"}, 1.0)
    handler, fresh = cache.event_handler(NAMESPACED), cache.begin_list(NAMESPACED, "other")
    fresh.add(manifest("old", 1, "other", "3"))
    fresh.add(manifest("changed", 1, "other", "4"))
    fresh.add(manifest("deleted", 1, "other", "5"))
    handler.apply(manifest("old", 9, "other", "2"))
    handler.apply(manifest("changed", 9, "other", "11"))
    handler.apply(manifest("new", 9, "other", "12"))
    handler.delete(manifest("deleted", 1, "other", "13"))
    fresh.version = "10"
    cache.apply_list(fresh)
    scores = {each.name: each.spec.rules[0].oom_score_adj for each in cache.candidates("other")}
    assert scores == {"old": 1, "changed": 9, "new": 9}
    handler.apply(manifest("old", 7, "other", "9"))
    assert {each.name for each in cache.candidates("other")} == set(scores)
    assert scores["old"] == 1


def test_more_events_during_a_list_than_are_kept_cause_another_list(cache: PolicyCache) -> None:
    cache.track_namespaces({"other"}, 1.0)
    fresh = cache.begin_list(NAMESPACED, "other")
    for number in range(MAX_EVENTS_DURING_LIST + 1):
        cache.event_handler(NAMESPACED).apply(manifest(f"p{number}", 1, "other", str(20 + number)))
    fresh.version = "10"
    cache.apply_list(fresh)
    assert cache.unlisted(NAMESPACED) == ([], ["other"])


def test_a_list_of_one_namespace_that_is_older_than_a_list_of_all_is_ignored(
    cache: PolicyCache,
) -> None:
    late = cache.begin_list(NAMESPACED, "shop")
    late.version = "5"
    all_of_them = cache.begin_list(NAMESPACED)
    all_of_them.add(manifest("a"))
    all_of_them.version = "9"
    cache.apply_list(all_of_them)
    cache.apply_list(late)
    assert names(cache) == ["a"]


def test_a_namespace_that_lost_its_pods_during_its_list_is_not_kept(cache: PolicyCache) -> None:
    cache.track_namespaces({"other"}, 0.0)
    fresh = cache.begin_list(NAMESPACED, "other")
    fresh.add(manifest("b", namespace="other"))
    cache.track_namespaces({"shop"}, FORGET_SECONDS + 1)
    cache.apply_list(fresh)
    assert not cache.is_listed("other")


def test_policies_that_are_left_out_are_named_with_their_generations(
    cache: PolicyCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oomwarden.core.policy.policy_cache.MAX_POLICIES", 2)
    listed(cache, NAMESPACED, *(manifest(name) for name in "cab"))
    assert names(cache) == ["a", "b"]
    assert cache.left_out == {(NAMESPACED, "shop", "c"): 1}


def test_only_a_change_of_labels_is_a_change_of_a_namespace(changes: list[str]) -> None:
    cache = NamespaceCache(lambda: changes.append("changed"))
    cache.replace([{"metadata": {"name": "shop", "labels": {"a": "b"}}}])
    cache.apply({"metadata": {"name": "shop", "labels": {"a": "b"}, "resourceVersion": "7"}})
    assert (changes, cache.synced) == (["changed"], True)
    cache.apply({"metadata": {"name": "shop"}})
    assert (cache.labels, len(changes)) == ({"shop": {}}, 2)
    cache.delete({"metadata": {"name": "shop"}})
    assert cache.labels == {}


def test_an_unchanged_policy_stays_the_same_object(cache: PolicyCache) -> None:
    listed(cache, NAMESPACED, manifest("a"))
    (before,) = cache.candidates("shop")
    cache.event_handler(NAMESPACED).apply(manifest("a"))
    cache.event_handler(NAMESPACED).apply({**manifest("a"), "status": {"pods": 1}})
    listed(cache, NAMESPACED, manifest("a"))
    (after,) = cache.candidates("shop")
    assert after is before


def test_an_empty_list_removes_all_policies_and_a_list_of_manifests_is_accepted(
    cache: PolicyCache,
) -> None:
    handler = cache.event_handler(NAMESPACED)
    handler.replace([manifest("a"), manifest("b", namespace="other")])
    assert names(cache) == ["a"]
    handler.replace([])
    assert (names(cache), cache.is_listed("shop")) == ([], True)
