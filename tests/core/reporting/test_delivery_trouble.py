from oomwarden.core.reporting.delivery_trouble import NO_TROUBLE, delivery_trouble
from oomwarden.core.reporting.node_conditions import NodeFindings, conditions


def test_nothing_in_the_way_is_no_trouble() -> None:
    assert delivery_trouble(0, "", "") == NO_TROUBLE


def test_refused_records_are_told_with_the_api_servers_words_and_the_remedy() -> None:
    told = delivery_trouble(3, "422 Invalid: cause: Unsupported value", "")
    assert told.reason == "Refused"
    assert "3 records are held back, refused by the API server: 422 Invalid: cause" in told.message
    assert "apply the CRDs of the agents' version" in told.message


def test_a_taken_name_is_told_with_the_object_beside_what_is_refused() -> None:
    told = delivery_trouble(0, "", "OOMKill shop/a, written for node b")
    assert told.reason == "NameTaken"
    assert "OOMKill shop/a, written for node b" in told.message
    both = delivery_trouble(1, "413", "OOMKill shop/a")
    assert both.reason == "Refused"
    assert "shop/a" in both.message


def test_whatever_is_told_fits_into_a_condition() -> None:
    told = delivery_trouble(1000, "x" * 10_000, "y" * 10_000)
    now = "2026-01-02T03:04:05Z"
    (delivery,) = (c for c in conditions(NodeFindings(delivery=told), now) if c.type == "Delivery")
    assert (delivery.status, delivery.reason) == ("False", "Refused")
    assert len(delivery.message) < 4096
    (delivery,) = (c for c in conditions(NodeFindings(), now) if c.type == "Delivery")
    assert (delivery.status, delivery.reason, delivery.message) == ("True", "Delivering", "")
