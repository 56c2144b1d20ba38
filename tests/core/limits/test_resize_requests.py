"""A node's asks cost turns of that node only, and old asks are not starved by new ones."""

from oomwarden.api.oomnode import Refusal, Resize
from oomwarden.core.limits.resize_requests import MOST_OF_A_NODE, Answer, ResizeRequestQueue


def ask(name: str, policy: str = "OOMPolicy shop/grow") -> Resize:
    return Resize(namespace="shop", pod=name, uid="u", container="app", limit="1Gi", policy=policy)


REFUSAL = Refusal(pod="shop/a", container="app", reason="QuotaExceeded", message="full")


def taken(asks: ResizeRequestQueue[str], now: float) -> str | None:
    found = asks.next(now)
    if found is None:
        return None
    asks.again(found[0], now)
    return f"{found[0]} {found[1].pod}"


def test_new_and_old_asks_of_a_node_take_turns() -> None:
    asks = ResizeRequestQueue[str]()
    old = [ask(f"old-{n}", policy="") for n in range(2)]
    asks.take("n", old, 0.0)
    for each in old:
        asks.answer("n", each, Answer(5.0))
    new = [ask(f"new-{n}") for n in range(3)]
    asks.take("n", [*new, *old], 6.0)
    order = []
    for now in range(6, 11):
        found = asks.next(float(now))
        assert found is not None
        order.append(found[1].pod)
        asks.answer("n", found[1], Answer(now + 60.0))
        asks.again("n", float(now))
    assert order == ["new-0", "old-0", "new-1", "old-1", "new-2"]


def test_a_node_that_is_served_gets_no_second_turn_meanwhile() -> None:
    asks = ResizeRequestQueue[str]()
    asks.take("n", [ask("a")], 0.0)
    assert asks.next(0.0) == ("n", ask("a"))
    asks.take("n", [ask("a"), ask("b")], 1.0)
    assert asks.next(2.0) is None
    asks.answer("n", ask("a"), Answer(60.0))
    asks.again("n", 2.0)
    assert asks.next(2.0) == ("n", ask("b"))


def test_a_node_that_tells_again_and_again_does_not_lose_its_place() -> None:
    asks = ResizeRequestQueue[str]()
    asks.take("first", [ask("a")], 0.0)
    asks.take("second", [ask("b")], 1.0)
    asks.take("first", [ask("a"), ask("c")], 2.0)
    assert taken(asks, 3.0) == "first a"
    assert taken(asks, 3.0) == "second b"


def test_a_turn_for_what_is_no_longer_asked_goes_to_the_next() -> None:
    asks = ResizeRequestQueue[str]()
    asks.take("n", [ask("a"), ask("b")], 0.0)
    asks.answer("n", ask("b"), Answer(50.0))
    asks.take("n", [ask("b")], 1.0)
    assert (asks.next(2.0), asks.soonest()) == (None, 50.0)
    asks.take("n", [], 3.0)
    assert (asks.next(99.0), asks.soonest()) == (None, float("inf"))


def test_a_refusal_is_told_under_its_policy_until_it_is_withdrawn() -> None:
    asks = ResizeRequestQueue[str]()
    asks.take("n", [ask("a")], 0.0)
    assert asks.answer("n", ask("a"), Answer(9.0, ("grow", REFUSAL))) == {"grow"}
    assert asks.answer("n", ask("a"), Answer(19.0, ("grow", REFUSAL))) == set()
    assert asks.refusals("grow") == (REFUSAL,)
    assert asks.answer("n", ask("gone"), Answer(9.0, ("grow", REFUSAL))) == set()
    assert asks.take("n", [], 1.0) == {"grow"}
    assert (asks.refusals("grow"), asks._told) == ((), {})


def test_of_a_node_no_more_is_kept_than_an_oomnode_may_have() -> None:
    asks = ResizeRequestQueue[str]()
    asks.take("n", [ask(f"p{n}") for n in range(500)], 0.0)
    assert len(asks._by_node["n"]) == MOST_OF_A_NODE
    asks.take("n", [ask("x" * 100_000), ask("a")], 0.0)
    assert [each.pod for each in asks._by_node["n"]] == ["a"]


class Counted(Resize):
    """Counts how often any of them is looked up."""

    def __hash__(self) -> int:
        lookups.append(1)
        return super().__hash__()


lookups: list[int] = []


def test_a_word_of_a_node_and_a_turn_cost_the_same_however_many_nodes_there_are() -> None:
    costs = []
    for nodes in (2, 500):
        asks = ResizeRequestQueue[str]()
        for number in range(nodes):
            several = [Counted(**ask(f"p{number}-{n}").model_dump()) for n in range(50)]
            asks.take(f"n{number}", several, 0.0)
        lookups.clear()
        asks.take("n0", [Counted(**ask("again").model_dump())], 1.0)
        found = asks.next(1.0)
        assert found is not None
        asks.answer(*found, Answer(9.0, ("grow", REFUSAL)))
        asks.again(found[0], 1.0)
        costs.append(len(lookups))
    assert costs[0] == costs[1] < 250
