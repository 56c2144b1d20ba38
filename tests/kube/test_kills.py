from typing import Any

import pytest
from oomwarden.kube.kills import Delivery, deliver

from tests.kube.fake_api import Answer, FakeApi, body, status

EXISTS = status(409, "AlreadyExists", "already exists")
AWAY = status(503, "ServiceUnavailable", "stopping", retryAfterSeconds=2)
EVIDENCE = {"bootID": "b", "cgroup": 1, "level": "Pod", "epoch": 0, "from": 2, "to": 6}


def kill(**evidence: object) -> dict[str, Any]:
    return {
        "apiVersion": "oomwarden.io/v1alpha1",
        "kind": "OOMKill",
        "metadata": {"name": "api-1", "namespace": "shop"},
        "evidence": EVIDENCE | evidence,
    }


EVENT = {
    "apiVersion": "events.k8s.io/v1",
    "kind": "Event",
    "metadata": {"name": "api-1", "namespace": "shop"},
}
CREATED = body(kill(), 201)
EVENT_CREATED = body(EVENT, 201)


async def delivery(*answers: Answer, event: dict[str, Any] | None = EVENT) -> Delivery:
    api = FakeApi(list(answers))
    async with api.client() as client:
        told = await deliver(client, kill(), event)
    assert api.answers == []
    return told


async def test_the_record_comes_first_then_the_event() -> None:
    api = FakeApi([CREATED, EVENT_CREATED])
    async with api.client() as client:
        assert await deliver(client, kill(), EVENT) == Delivery()
    assert [(request.method, request.path) for request in api.requests] == [
        ("POST", "/apis/oomwarden.io/v1alpha1/namespaces/shop/oomkills"),
        ("POST", "/apis/events.k8s.io/v1/namespaces/shop/events"),
    ]
    assert [request.body for request in api.requests] == [kill(), EVENT]


async def test_an_old_kill_has_no_event() -> None:
    assert await delivery(CREATED, event=None) == Delivery()


async def test_telling_it_twice_is_telling_it_once() -> None:
    assert await delivery(EXISTS, body(kill()), EXISTS) == Delivery()


async def test_a_stored_record_that_covers_less_leaves_a_rest() -> None:
    told = await delivery(EXISTS, body(kill(to=4)), EXISTS)
    assert told == Delivery(covered_to=4)


async def test_a_stored_record_that_covers_more_covers_us() -> None:
    assert await delivery(EXISTS, body(kill(to=8)), EXISTS) == Delivery()


@pytest.mark.parametrize("other", [{"cgroup": 2}, {"bootID": "c"}, {"epoch": 1}, {"from": 3}])
async def test_a_name_that_another_counter_took_is_no_delivery(other: dict[str, object]) -> None:
    told = await delivery(EXISTS, body(kill(**other)))
    assert told.undeliverable is not None
    assert "api-1" in told.undeliverable


async def test_a_stored_record_without_epoch_is_of_the_first() -> None:
    stored = kill()
    del stored["evidence"]["epoch"]
    assert await delivery(EXISTS, body(stored), EXISTS) == Delivery()


async def test_a_record_that_vanished_in_between_is_created_again() -> None:
    told = await delivery(EXISTS, status(404, "NotFound", "not found"))
    assert told.retry_after == 0.0


async def test_an_api_server_that_is_away_is_tried_again() -> None:
    told = await delivery(AWAY)
    assert told.retry_after == 2.0
    assert "stopping" in told.reason


async def test_a_namespace_that_goes_away_makes_a_record_undeliverable() -> None:
    terminating = {"causes": [{"reason": "NamespaceTerminating"}]}
    told = await delivery(status(403, "Forbidden", "being terminated", **terminating))
    assert told.undeliverable == "403 Forbidden: being terminated"
    assert told.retry_after is None


async def test_an_event_that_did_not_get_through_is_tried_again() -> None:
    told = await delivery(CREATED, AWAY)
    assert told.retry_after == 2.0
    assert told.reason.startswith("Event: ")


async def test_an_event_that_can_never_be_does_not_undo_the_record() -> None:
    told = await delivery(EXISTS, body(kill(to=4)), status(422, "Invalid", "note: Too long"))
    assert told.undeliverable is None
    assert told.covered_to == 4
    assert told.reason.startswith("no Event: ")
