from pathlib import Path
from typing import Any

import pytest
from oomwarden.core.records.event_series import EventSeries
from oomwarden.core.records.oomkill import Manifest
from oomwarden.kube import oomkill_writer as kills
from oomwarden.kube.oomkill_writer import Covered, Delivery, deliver

from tests.support.fake_api import Answer, FakeApi, body, status

EXISTS = status(409, "AlreadyExists", "already exists")
AWAY = status(503, "ServiceUnavailable", "stopping", retryAfterSeconds=2)
NOT_FOUND = status(404, "NotFound", 'events.events.k8s.io "api-1" not found', kind="events")
EVIDENCE = {"bootID": "b", "cgroup": 1, "level": "Pod", "epoch": 0, "from": 2, "to": 6}


def kill(**evidence: object) -> dict[str, Any]:
    return {
        "apiVersion": "oomwarden.io/v1alpha1",
        "kind": "OOMKill",
        "metadata": {"name": "api-1", "namespace": "shop"},
        "node": "node-a",
        "pod": {"name": "api", "uid": "uid-1"},
        "kills": 2,
        "evidence": EVIDENCE | evidence,
    }


EVENT = {
    "apiVersion": "events.k8s.io/v1",
    "kind": "Event",
    "metadata": {"name": "api-1", "namespace": "shop"},
    "eventTime": "2026-01-02T03:04:05.000000Z",
}
LATER = EVENT | {"eventTime": "2026-01-02T03:09:00.000000Z"}
ONE, MANY = EventSeries(EVENT, EVENT, 1), EventSeries(EVENT, LATER, 7, posted_count=3)
SERIES = {"series": {"count": 7, "lastObservedTime": "2026-01-02T03:09:00.000000Z"}}
CREATED = body(kill(), 201)
EVENT_CREATED = body(EVENT, 201)
EVENTS = "/apis/events.k8s.io/v1/namespaces/shop/events"


async def asked(what: Manifest | EventSeries, *answers: Answer) -> tuple[Delivery, FakeApi]:
    api = FakeApi(list(answers))
    async with api.client() as client:
        told = await deliver(client, what)
    assert api.answers == []
    return told, api


async def delivery(*answers: Answer, what: Manifest | EventSeries | None = None) -> Delivery:
    return (await asked(what or kill(), *answers))[0]


async def test_a_record_is_created_in_its_pods_namespace() -> None:
    told, api = await asked(kill(), CREATED)
    assert told == Delivery()
    (request,) = api.requests
    path = "/apis/oomwarden.io/v1alpha1/namespaces/shop/oomkills"
    assert (request.method, request.path, request.body) == ("POST", path, kill())


async def test_telling_it_twice_is_telling_it_once() -> None:
    assert await delivery(EXISTS, body(kill())) == Delivery()


async def test_a_stored_record_that_covers_less_leaves_a_rest() -> None:
    stored = kill(to=4) | {"kills": 1}
    assert await delivery(EXISTS, body(stored)) == Delivery(covered=Covered(4, 1))


async def test_a_stored_record_that_covers_more_covers_us() -> None:
    assert await delivery(EXISTS, body(kill(to=8))) == Delivery()


OTHERS = [
    *(kill(**one) for one in ({"cgroup": 2}, {"bootID": "c"}, {"epoch": 1}, {"from": 3})),
    kill(level="QoS"),
    kill(to=1_000_000) | {"node": "node-b"},
    kill(to=1_000_000) | {"pod": {"name": "api", "uid": "uid-2"}},
    {"metadata": {"name": "api-1"}},
]


@pytest.mark.parametrize("other", OTHERS)
async def test_a_record_of_somebody_else_under_our_name_is_no_delivery(other: Manifest) -> None:
    told = await delivery(EXISTS, body(other))
    assert told == Delivery(taken=f"OOMKill shop/api-1, written for node {other.get('node')}")


async def test_a_stored_record_without_epoch_is_of_the_first() -> None:
    stored = kill()
    del stored["evidence"]["epoch"]
    assert await delivery(EXISTS, body(stored)) == Delivery()


async def test_a_record_that_vanished_in_between_is_created_again() -> None:
    told = await delivery(EXISTS, status(404, "NotFound", "not found", kind="oomkills"))
    assert told.retry is not None
    assert not told.retry.everywhere


async def test_a_record_that_cannot_be_compared_is_neither_lost_nor_done() -> None:
    told = await delivery(EXISTS, status(400, "BadRequest", "no"))
    assert told.retry is not None
    assert told.undeliverable is None


async def test_an_api_server_that_is_away_is_tried_again_when_it_says() -> None:
    told = await delivery(AWAY)
    assert told.retry is not None
    assert (told.retry.after, told.retry.everywhere) == (2.0, True)
    assert "stopping" in told.retry.reason


async def test_a_namespace_that_goes_away_makes_a_record_undeliverable() -> None:
    terminating = {"causes": [{"reason": "NamespaceTerminating"}]}
    told = await delivery(status(403, "Forbidden", "being terminated", **terminating))
    assert told == Delivery(undeliverable="403 Forbidden: being terminated")


async def test_a_request_that_hangs_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kills, "DEADLINE_SECONDS", 0.2)
    trickle = Answer(200, ("{",), {"Content-Type": "application/json"}, hangs=True)
    told = await delivery(trickle)
    assert told.retry is not None
    assert told.retry.everywhere
    assert "did not answer" in told.retry.reason


async def test_an_event_of_one_kill_has_no_series() -> None:
    told, api = await asked(ONE, EVENT_CREATED)
    assert told == Delivery()
    assert [(r.method, r.path, r.body) for r in api.requests] == [("POST", EVENTS, EVENT)]


async def test_an_event_of_many_kills_is_created_with_their_number() -> None:
    _, api = await asked(EventSeries(EVENT, LATER, 7), EVENT_CREATED)
    assert [r.body for r in api.requests] == [EVENT | SERIES]


async def test_later_kills_raise_the_series_to_an_absolute_count() -> None:
    told, api = await asked(MANY, EVENT_CREATED)
    assert told == Delivery()
    (request,) = api.requests
    assert (request.method, request.path, request.body) == ("PATCH", f"{EVENTS}/api-1", SERIES)


async def test_an_event_that_is_there_already_is_only_raised() -> None:
    assert await delivery(EXISTS, body(EVENT), what=ONE) == Delivery()
    _, api = await asked(EventSeries(EVENT, LATER, 7), EXISTS, EVENT_CREATED)
    assert [r.method for r in api.requests] == ["POST", "PATCH"]


async def test_an_event_whose_time_has_passed_is_forgotten() -> None:
    assert await delivery(NOT_FOUND, what=MANY) == Delivery(forgotten=True)


async def test_an_event_that_did_not_get_through_is_tried_again() -> None:
    for event in (ONE, MANY):
        told = await delivery(AWAY, what=event)
        assert told.retry is not None


async def test_an_event_that_is_refused_says_which_field() -> None:
    told = await delivery(status(422, "Invalid", "note: Too long"), what=MANY)
    assert told.retry is not None
    assert (told.retry.reason, told.retry.invalid) == ("422 Invalid: note: Too long", True)


def test_the_admission_policy_says_what_the_agent_listens_for() -> None:
    chart = Path(__file__).parents[2] / "charts/oomwarden/templates/admission/node-bound.yaml"
    assert kills.NOT_OURS in chart.read_text()


FORBIDDEN = status(403, "Forbidden", f"ValidatingAdmissionPolicy 'x' denied: {kills.NOT_OURS}: y")
FOREIGN = [body(EVENT | {"reportingInstance": "node-b"}), body(EVENT | {"regarding": {"uid": "u"}})]


@pytest.mark.parametrize("answer", [FORBIDDEN, *FOREIGN])
async def test_an_event_of_somebody_else_under_our_name_is_no_delivery(answer: Answer) -> None:
    assert await delivery(EXISTS, answer, what=ONE) == Delivery(taken="Event shop/api-1")


async def test_a_record_that_cannot_be_written_as_json_is_held_back_and_ends_no_loop() -> None:
    told = await delivery(what=kill() | {"node": "\ud800"})
    assert told.retry is not None
    assert told.retry.refused
    assert told.retry.invalid, "after a while it is tried without its details"
    assert "UnicodeEncodeError" in told.retry.reason
