"""Of policies those are held that may select a pod of this node; all else leaves no trace."""

from typing import Any

import pytest
from oomwarden.agent.informers.namespaces import NamespaceCache
from oomwarden.agent.informers.policies import FORGET_SECONDS, MOST_MEANWHILE, PolicyCache
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED

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
def book(changes: list[str]) -> PolicyCache:
    book = PolicyCache(lambda: changes.append("changed"))
    book.want({"shop"}, 0.0)
    listed(book, NAMESPACED)
    changes.clear()
    return book


def names(book: PolicyCache, namespace: str = "shop") -> list[str]:
    return sorted(policy.name for policy in book.candidates(namespace))


def test_both_kinds_must_be_listed_before_anything_can_be_said(book: PolicyCache) -> None:
    assert not book.synced
    listed(book, CLUSTER)
    assert book.synced


def test_candidates_are_those_of_the_namespace_and_of_the_cluster(book: PolicyCache) -> None:
    listed(book, NAMESPACED, manifest("a"), manifest("b", namespace="other"))
    listed(book, CLUSTER, manifest("c", namespace=None))
    assert names(book) == ["a", "c"]


def test_a_new_list_of_one_kind_leaves_the_other(book: PolicyCache) -> None:
    listed(book, NAMESPACED, manifest("a"), manifest("broken", -1000))
    listed(book, CLUSTER, manifest("c", namespace=None))
    listed(book, NAMESPACED, manifest("b"))
    assert (names(book), book.unreadable) == (["b", "c"], {})


def test_an_event_of_the_status_alone_is_no_change(book: PolicyCache, changes: list[str]) -> None:
    sink, before = book.sink(NAMESPACED), book.version
    sink.apply(manifest("a"))
    sink.apply({**manifest("a"), "status": {"pods": 3}})
    assert (changes, book.version) == (["changed"], before + 1)
    sink.apply(manifest("a", 6))
    assert book.version == before + 2


def test_what_has_no_room_in_a_list_is_left_out_unread(
    book: PolicyCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oomwarden.core.policy.policy_cache.MOST_POLICIES", 1)
    listed(book, NAMESPACED, manifest("a"), manifest("b"), manifest("broken", -1000))
    assert (names(book), book.unreadable) == (["a"], {})
    assert list(book.left_out) == [(NAMESPACED, "shop", "b"), (NAMESPACED, "shop", "broken")]


def test_a_policy_that_cannot_be_read_does_not_compete(
    book: PolicyCache, caplog: pytest.LogCaptureFixture
) -> None:
    sink = book.sink(NAMESPACED)
    sink.apply(manifest("a"))
    sink.apply(manifest("a", -1000))
    assert names(book) == []
    assert "spec.rules[0].oomScoreAdj" in book.unreadable[NAMESPACED, "shop", "a"]
    assert caplog.text.count("OOMPolicy/shop/a is not in force") == 1
    version = book.version
    sink.apply(manifest("a", -1000))
    assert book.version == version
    sink.apply(manifest("a"))
    assert (names(book), book.unreadable) == (["a"], {})


def test_a_deleted_policy_is_forgotten(book: PolicyCache) -> None:
    sink = book.sink(NAMESPACED)
    listed(book, NAMESPACED, manifest("a"), manifest("broken", -1000))
    sink.delete(manifest("a"))
    sink.delete(manifest("broken", -1000))
    assert (names(book), book.unreadable) == ([], {})


def test_a_thing_without_a_name_is_passed_over(book: PolicyCache) -> None:
    listed(book, NAMESPACED, {}, manifest("a"))
    book.sink(NAMESPACED).apply({"metadata": {}})
    assert names(book) == ["a"]


def test_of_a_namespace_without_a_pod_here_nothing_is_kept(
    book: PolicyCache, changes: list[str]
) -> None:
    sink = book.sink(NAMESPACED)
    sink.apply(manifest("b", namespace="other"))
    sink.delete(manifest("b", namespace="other"))
    assert (changes, book.candidates("other"), book.knows("other")) == ([], [], False)
    assert set(book.shelves.by_namespace) == {"", "shop"}


def test_a_namespace_that_gets_its_first_pod_is_to_be_listed_and_known_after_that(
    book: PolicyCache,
) -> None:
    book.wake.clear()
    book.want({"shop", "other"}, 1.0)
    assert book.wake.is_set()
    assert book.to_list(NAMESPACED) == (["other"], [])
    fresh = book.fresh(NAMESPACED, "other")
    fresh.take(manifest("b", namespace="other"))
    fresh.version = "7"
    book.adopt(fresh)
    assert (book.to_list(NAMESPACED), names(book, "other")) == (None, ["b"])


def test_policies_are_forgotten_some_time_after_the_last_pod_went(book: PolicyCache) -> None:
    listed(book, NAMESPACED, manifest("a"))
    book.want(set(), FORGET_SECONDS)
    assert book.knows("shop")
    book.want(set(), FORGET_SECONDS + 1)
    assert not book.knows("shop")
    assert book.candidates("shop") == []


def test_what_the_watch_tells_while_a_namespace_is_listed_is_not_lost_nor_undone(
    book: PolicyCache,
) -> None:
    book.want({"other"}, 1.0)
    sink, fresh = book.sink(NAMESPACED), book.fresh(NAMESPACED, "other")
    fresh.take(manifest("old", 1, "other", "3"))
    fresh.take(manifest("changed", 1, "other", "4"))
    fresh.take(manifest("deleted", 1, "other", "5"))
    sink.apply(manifest("old", 9, "other", "2"))
    sink.apply(manifest("changed", 9, "other", "11"))
    sink.apply(manifest("new", 9, "other", "12"))
    sink.delete(manifest("deleted", 1, "other", "13"))
    fresh.version = "10"
    book.adopt(fresh)
    scores = {each.name: each.spec.rules[0].oom_score_adj for each in book.candidates("other")}
    assert scores == {"old": 1, "changed": 9, "new": 9}
    sink.apply(manifest("old", 7, "other", "9"))
    assert {each.name for each in book.candidates("other")} == set(scores)
    assert scores["old"] == 1


def test_more_words_than_are_noted_have_the_namespace_listed_again(book: PolicyCache) -> None:
    book.want({"other"}, 1.0)
    fresh = book.fresh(NAMESPACED, "other")
    for number in range(MOST_MEANWHILE + 1):
        book.sink(NAMESPACED).apply(manifest(f"p{number}", 1, "other", str(20 + number)))
    fresh.version = "10"
    book.adopt(fresh)
    assert book.to_list(NAMESPACED) == ([], ["other"])


def test_a_list_of_one_namespace_that_is_older_than_a_list_of_all_is_not_taken(
    book: PolicyCache,
) -> None:
    late = book.fresh(NAMESPACED, "shop")
    late.version = "5"
    all_of_them = book.fresh(NAMESPACED)
    all_of_them.take(manifest("a"))
    all_of_them.version = "9"
    book.adopt(all_of_them)
    book.adopt(late)
    assert names(book) == ["a"]


def test_a_namespace_that_lost_its_pods_while_it_was_listed_is_not_held(book: PolicyCache) -> None:
    book.want({"other"}, 0.0)
    fresh = book.fresh(NAMESPACED, "other")
    fresh.take(manifest("b", namespace="other"))
    book.want({"shop"}, FORGET_SECONDS + 1)
    book.adopt(fresh)
    assert not book.knows("other")


def test_what_is_left_out_is_named_with_its_generation(
    book: PolicyCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oomwarden.core.policy.policy_cache.MOST_POLICIES", 2)
    listed(book, NAMESPACED, *(manifest(name) for name in "cab"))
    assert names(book) == ["a", "b"]
    assert book.left_out == {(NAMESPACED, "shop", "c"): 1}


def test_only_a_change_of_labels_is_a_change_of_a_namespace(changes: list[str]) -> None:
    book = NamespaceCache(lambda: changes.append("changed"))
    book.replace([{"metadata": {"name": "shop", "labels": {"a": "b"}}}])
    book.apply({"metadata": {"name": "shop", "labels": {"a": "b"}, "resourceVersion": "7"}})
    assert (changes, book.synced) == (["changed"], True)
    book.apply({"metadata": {"name": "shop"}})
    assert (book.labels, len(changes)) == ({"shop": {}}, 2)
    book.delete({"metadata": {"name": "shop"}})
    assert book.labels == {}


def test_an_equal_policy_keeps_the_identity_by_which_others_know_it(book: PolicyCache) -> None:
    listed(book, NAMESPACED, manifest("a"))
    (before,) = book.candidates("shop")
    book.sink(NAMESPACED).apply(manifest("a"))
    book.sink(NAMESPACED).apply({**manifest("a"), "status": {"pods": 1}})
    listed(book, NAMESPACED, manifest("a"))
    (after,) = book.candidates("shop")
    assert after is before


def test_an_empty_list_forgets_all_and_manifests_are_taken_as_they_are(book: PolicyCache) -> None:
    sink = book.sink(NAMESPACED)
    sink.replace([manifest("a"), manifest("b", namespace="other")])
    assert names(book) == ["a"]
    sink.replace([])
    assert (names(book), book.knows("shop")) == ([], True)
