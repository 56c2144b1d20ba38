"""A node's requests cost turns of that node only, and new requests do not starve old ones."""

from msgspec import structs
from oomwarden.api.oomnode import Refusal, Resize
from oomwarden.core.limits.resize_requests import (
    MAX_REQUESTS_PER_NODE,
    RequestOutcome,
    ResizeRequestQueue,
)


def request(name: str, policy: str = "OOMPolicy shop/grow") -> Resize:
    return Resize(namespace="shop", pod=name, uid="u", container="app", limit="1Gi", policy=policy)


REFUSAL = Refusal(pod="shop/a", container="app", reason="QuotaExceeded", message="full")


def taken(requests: ResizeRequestQueue[str], now: float) -> str | None:
    found = requests.next(now)
    if found is None:
        return None
    requests.done(found[0], now)
    return f"{found[0]} {found[1].pod}"


def test_new_and_old_requests_of_a_node_take_turns() -> None:
    requests = ResizeRequestQueue[str]()
    old = [request(f"old-{n}", policy="") for n in range(2)]
    requests.replace("n", old, 0.0)
    for each in old:
        requests.record_outcome("n", each, RequestOutcome(5.0))
    new = [request(f"new-{n}") for n in range(3)]
    requests.replace("n", [*new, *old], 6.0)
    order = []
    for now in range(6, 11):
        found = requests.next(float(now))
        assert found is not None
        order.append(found[1].pod)
        requests.record_outcome("n", found[1], RequestOutcome(now + 60.0))
        requests.done("n", float(now))
    assert order == ["new-0", "old-0", "new-1", "old-1", "new-2"]


def test_fifty_requests_of_a_node_let_another_one_wait_for_one_turn() -> None:
    requests = ResizeRequestQueue[str]()
    requests.replace("busy", [request(f"p{number}") for number in range(50)], 0.0)
    order = list[str]()
    for now in range(60):
        if now == 7:
            requests.replace("other", [request("q")], 7.0)
        found = requests.next(float(now))
        assert found is not None or len(order) == 51
        if found is not None:
            order.append(found[0])
            requests.record_outcome(*found, RequestOutcome(1e9))
            requests.done(found[0], float(now))
    assert order.index("other") <= 8
    assert order.count("busy") == 50


def test_a_node_that_is_being_served_gets_no_second_turn() -> None:
    requests = ResizeRequestQueue[str]()
    requests.replace("n", [request("a")], 0.0)
    assert requests.next(0.0) == ("n", request("a"))
    requests.replace("n", [request("a"), request("b")], 1.0)
    assert requests.next(2.0) is None
    requests.record_outcome("n", request("a"), RequestOutcome(60.0))
    requests.done("n", 2.0)
    assert requests.next(2.0) == ("n", request("b"))


def test_a_node_that_reports_repeatedly_keeps_its_place() -> None:
    requests = ResizeRequestQueue[str]()
    requests.replace("first", [request("a")], 0.0)
    requests.replace("second", [request("b")], 1.0)
    requests.replace("first", [request("a"), request("c")], 2.0)
    assert taken(requests, 3.0) == "first a"
    assert taken(requests, 3.0) == "second b"


def test_the_turn_of_a_withdrawn_request_goes_to_the_next_node() -> None:
    requests = ResizeRequestQueue[str]()
    requests.replace("n", [request("a"), request("b")], 0.0)
    requests.record_outcome("n", request("b"), RequestOutcome(50.0))
    requests.replace("n", [request("b")], 1.0)
    assert (requests.next(2.0), requests.next_due()) == (None, 50.0)
    requests.replace("n", [], 3.0)
    assert (requests.next(99.0), requests.next_due()) == (None, float("inf"))


def test_a_refusal_is_reported_under_its_policy_until_the_request_is_withdrawn() -> None:
    requests = ResizeRequestQueue[str]()
    requests.replace("n", [request("a")], 0.0)
    assert requests.record_outcome("n", request("a"), RequestOutcome(9.0, ("grow", REFUSAL))) == {
        "grow"
    }
    assert (
        requests.record_outcome("n", request("a"), RequestOutcome(19.0, ("grow", REFUSAL))) == set()
    )
    assert requests.refusals("grow") == (REFUSAL,)
    assert (
        requests.record_outcome("n", request("gone"), RequestOutcome(9.0, ("grow", REFUSAL)))
        == set()
    )
    assert requests.replace("n", [], 1.0) == {"grow"}
    assert (requests.refusals("grow"), requests._refusals) == ((), {})


def test_no_more_requests_are_kept_of_a_node_than_an_oomnode_may_have() -> None:
    requests = ResizeRequestQueue[str]()
    requests.replace("n", [request(f"p{n}") for n in range(500)], 0.0)
    assert len(requests._by_node["n"]) == MAX_REQUESTS_PER_NODE
    requests.replace("n", [request("x" * 100_000), request("a")], 0.0)
    assert [each.pod for each in requests._by_node["n"]] == ["a"]


class Counted(Resize, frozen=True, kw_only=True):
    """Counts how often any of them is looked up."""

    def __hash__(self) -> int:
        lookups.append(1)
        return super().__hash__()


lookups: list[int] = []


def test_a_report_and_a_turn_cost_the_same_for_any_number_of_nodes() -> None:
    costs = []
    for nodes in (2, 500):
        requests = ResizeRequestQueue[str]()
        for number in range(nodes):
            several = [Counted(**structs.asdict(request(f"p{number}-{n}"))) for n in range(50)]
            requests.replace(f"n{number}", several, 0.0)
        lookups.clear()
        requests.replace("n0", [Counted(**structs.asdict(request("again")))], 1.0)
        found = requests.next(1.0)
        assert found is not None
        requests.record_outcome(*found, RequestOutcome(9.0, ("grow", REFUSAL)))
        requests.done(found[0], 1.0)
        costs.append(len(lookups))
    assert costs[0] == costs[1] < 250
