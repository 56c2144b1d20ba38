from typing import Any

import pytest
from oomwarden.agent.policy_book import NamespaceBook, PolicyBook
from oomwarden.core.policies import CLUSTER, NAMESPACED


def manifest(name: str, score: int = 5, namespace: str | None = "shop") -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    return {
        "metadata": {"name": name, "generation": 1, **place},
        "spec": {"podSelector": {}, "rules": [{"oomScoreAdj": score}]},
    }


@pytest.fixture
def changes() -> list[str]:
    return []


@pytest.fixture
def book(changes: list[str]) -> PolicyBook:
    return PolicyBook(lambda: changes.append("changed"))


def names(book: PolicyBook, namespace: str = "shop") -> list[str]:
    return sorted(policy.name for policy in book.candidates(namespace))


def test_both_kinds_must_be_listed_before_anything_can_be_said(book: PolicyBook) -> None:
    book.sink(NAMESPACED).replace([])
    assert not book.synced
    book.sink(CLUSTER).replace([])
    assert book.synced


def test_candidates_are_those_of_the_namespace_and_of_the_cluster(book: PolicyBook) -> None:
    book.sink(NAMESPACED).replace([manifest("a"), manifest("b", namespace="other")])
    book.sink(CLUSTER).replace([manifest("c", namespace=None)])
    assert names(book) == ["a", "c"]


def test_a_new_list_of_one_kind_leaves_the_other(book: PolicyBook) -> None:
    book.sink(NAMESPACED).replace([manifest("a"), manifest("broken", -1000)])
    book.sink(CLUSTER).replace([manifest("c", namespace=None)])
    book.sink(NAMESPACED).replace([manifest("b")])
    assert (names(book), book.unreadable) == (["b", "c"], {})


def test_an_event_of_the_status_alone_is_no_change(book: PolicyBook, changes: list[str]) -> None:
    sink = book.sink(NAMESPACED)
    sink.apply(manifest("a"))
    sink.apply({**manifest("a"), "status": {"pods": 3}})
    assert (changes, book.version) == (["changed"], 1)
    sink.apply(manifest("a", 6))
    assert book.version == 2


def test_a_policy_that_cannot_be_read_does_not_compete(book: PolicyBook) -> None:
    sink = book.sink(NAMESPACED)
    sink.apply(manifest("a"))
    sink.apply(manifest("a", -1000))
    assert names(book) == []
    assert "spec.rules[0].oomScoreAdj" in book.unreadable[NAMESPACED, "shop", "a"]
    sink.apply(manifest("a", -1000))
    assert book.version == 2
    sink.apply(manifest("a"))
    assert (names(book), book.unreadable) == (["a"], {})


def test_a_deleted_policy_is_forgotten(book: PolicyBook) -> None:
    sink = book.sink(NAMESPACED)
    sink.replace([manifest("a"), manifest("broken", -1000)])
    sink.delete(manifest("a"))
    sink.delete(manifest("broken", -1000))
    assert (names(book), book.unreadable) == ([], {})


def test_a_thing_without_a_name_is_passed_over(book: PolicyBook) -> None:
    book.sink(NAMESPACED).replace([{}, manifest("a")])
    assert names(book) == ["a"]


def test_only_a_change_of_labels_is_a_change_of_a_namespace(changes: list[str]) -> None:
    book = NamespaceBook(lambda: changes.append("changed"))
    book.replace([{"metadata": {"name": "shop", "labels": {"a": "b"}}}])
    book.apply({"metadata": {"name": "shop", "labels": {"a": "b"}, "resourceVersion": "7"}})
    assert (changes, book.synced) == (["changed"], True)
    book.apply({"metadata": {"name": "shop"}})
    assert (book.labels, len(changes)) == ({"shop": {}}, 2)
    book.delete({"metadata": {"name": "shop"}})
    assert book.labels == {}


def test_an_equal_policy_keeps_the_identity_by_which_others_know_it(book: PolicyBook) -> None:
    sink = book.sink("OOMPolicy")
    sink.replace([manifest("a")])
    (before,) = book.candidates("shop")
    sink.apply(manifest("a"))
    sink.apply({**manifest("a"), "status": {"pods": 1}})
    (after,) = book.candidates("shop")
    assert after is before
