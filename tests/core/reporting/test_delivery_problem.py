from oomwarden.core.reporting.delivery_problem import NO_PROBLEM, delivery_problem
from oomwarden.core.reporting.node_conditions import NodeFindings, node_conditions


def test_without_refusals_there_is_no_problem() -> None:
    assert delivery_problem(0, "", "") == NO_PROBLEM


def test_refused_records_are_reported_with_the_api_servers_message_and_the_remedy() -> None:
    reported = delivery_problem(3, "422 Invalid: cause: Unsupported value", "")
    assert reported.reason == "Refused"
    assert "The API server refuses 3 records: 422 Invalid: cause" in reported.message
    assert "apply the CRDs of the agents' version" in reported.message


def test_a_taken_name_is_reported_with_the_object_and_besides_refusals() -> None:
    reported = delivery_problem(0, "", "OOMKill shop/a, written for node b")
    assert reported.reason == "NameTaken"
    assert "OOMKill shop/a, written for node b" in reported.message
    both = delivery_problem(1, "413", "OOMKill shop/a")
    assert both.reason == "Refused"
    assert "shop/a" in both.message


def test_the_message_always_fits_into_a_condition() -> None:
    reported = delivery_problem(1000, "x" * 10_000, "y" * 10_000)
    now = "2026-01-02T03:04:05Z"
    (delivery,) = (
        c for c in node_conditions(NodeFindings(delivery=reported), now) if c.type == "Delivery"
    )
    assert (delivery.status, delivery.reason) == ("False", "Refused")
    assert len(delivery.message) < 4096
    (delivery,) = (c for c in node_conditions(NodeFindings(), now) if c.type == "Delivery")
    assert (delivery.status, delivery.reason, delivery.message) == ("True", "Delivering", "")
