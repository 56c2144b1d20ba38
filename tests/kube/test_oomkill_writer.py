from pathlib import Path
from typing import Any

import pytest
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.records.event_series import EventSeries
from oomwarden.kube import oomkill_writer
from oomwarden.kube.oomkill_writer import Delivery, RecordedPrefix, deliver

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


async def delivered(what: Manifest | EventSeries, *answers: Answer) -> tuple[Delivery, FakeApi]:
    api = FakeApi(list(answers))
    async with api.client() as client:
        result = await deliver(client, what)
    assert api.answers == []
    return result, api


async def delivery(*answers: Answer, what: Manifest | EventSeries | None = None) -> Delivery:
    return (await delivered(what or kill(), *answers))[0]


async def test_a_record_is_created_in_its_pods_namespace() -> None:
    result, api = await delivered(kill(), CREATED)
    assert result == Delivery()
    (request,) = api.requests
    path = "/apis/oomwarden.io/v1alpha1/namespaces/shop/oomkills"
    assert (request.method, request.path, request.body) == ("POST", path, kill())


async def test_a_record_posted_twice_is_stored_once() -> None:
    assert await delivery(EXISTS, body(kill())) == Delivery()


async def test_a_stored_record_that_covers_less_leaves_a_rest() -> None:
    stored = kill(to=4) | {"kills": 1}
    assert await delivery(EXISTS, body(stored)) == Delivery(recorded_prefix=RecordedPrefix(4, 1))


async def test_a_stored_record_that_covers_more_counts_as_delivered() -> None:
    assert await delivery(EXISTS, body(kill(to=8))) == Delivery()


OTHERS = [
    *(kill(**one) for one in ({"cgroup": 2}, {"bootID": "c"}, {"epoch": 1}, {"from": 3})),
    kill(level="QoS"),
    kill(to=1_000_000) | {"node": "node-b"},
    kill(to=1_000_000) | {"pod": {"name": "api", "uid": "uid-2"}},
    {"metadata": {"name": "api-1"}},
]


@pytest.mark.parametrize("other", OTHERS)
async def test_another_record_with_the_same_name_is_no_delivery(other: Manifest) -> None:
    result = await delivery(EXISTS, body(other))
    assert result == Delivery(
        name_taken_by=f"OOMKill shop/api-1, written for node {other.get('node')}"
    )


async def test_a_stored_record_without_epoch_is_of_the_first_epoch() -> None:
    stored = kill()
    del stored["evidence"]["epoch"]
    assert await delivery(EXISTS, body(stored)) == Delivery()


async def test_a_record_deleted_in_between_is_retried() -> None:
    result = await delivery(EXISTS, status(404, "NotFound", "not found", kind="oomkills"))
    assert result.retry is not None
    assert not result.retry.server_wide


async def test_a_record_that_cannot_be_compared_is_retried() -> None:
    result = await delivery(EXISTS, status(400, "BadRequest", "no"))
    assert result.retry is not None
    assert result.undeliverable is None


async def test_an_unavailable_api_server_is_retried_when_it_requests() -> None:
    result = await delivery(AWAY)
    assert result.retry is not None
    assert (result.retry.retry_after, result.retry.server_wide) == (2.0, True)
    assert "stopping" in result.retry.reason


async def test_a_terminating_namespace_makes_a_record_undeliverable() -> None:
    terminating = {"causes": [{"reason": "NamespaceTerminating"}]}
    result = await delivery(status(403, "Forbidden", "being terminated", **terminating))
    assert result == Delivery(undeliverable="403 Forbidden: being terminated")


async def test_a_hanging_request_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oomkill_writer, "DEADLINE_SECONDS", 0.2)
    trickle = Answer(200, ("{",), {"Content-Type": "application/json"}, hangs=True)
    result = await delivery(trickle)
    assert result.retry is not None
    assert result.retry.server_wide
    assert "did not answer" in result.retry.reason


async def test_an_event_of_one_kill_has_no_series() -> None:
    result, api = await delivered(ONE, EVENT_CREATED)
    assert result == Delivery()
    assert [(r.method, r.path, r.body) for r in api.requests] == [("POST", EVENTS, EVENT)]


async def test_an_event_of_many_kills_is_created_with_their_number() -> None:
    _, api = await delivered(EventSeries(EVENT, LATER, 7), EVENT_CREATED)
    assert [r.body for r in api.requests] == [EVENT | SERIES]


async def test_later_kills_set_the_series_to_an_absolute_count() -> None:
    result, api = await delivered(MANY, EVENT_CREATED)
    assert result == Delivery()
    (request,) = api.requests
    assert (request.method, request.path, request.body) == ("PATCH", f"{EVENTS}/api-1", SERIES)


async def test_an_existing_event_is_only_updated() -> None:
    assert await delivery(EXISTS, body(EVENT), what=ONE) == Delivery()
    _, api = await delivered(EventSeries(EVENT, LATER, 7), EXISTS, EVENT_CREATED)
    assert [r.method for r in api.requests] == ["POST", "PATCH"]


async def test_an_expired_event_is_reported() -> None:
    assert await delivery(NOT_FOUND, what=MANY) == Delivery(event_expired=True)


async def test_an_event_that_could_not_be_posted_is_retried() -> None:
    for event in (ONE, MANY):
        result = await delivery(AWAY, what=event)
        assert result.retry is not None


async def test_a_refused_event_is_reported_with_the_field() -> None:
    result = await delivery(status(422, "Invalid", "note: Too long"), what=MANY)
    assert result.retry is not None
    assert (result.retry.reason, result.retry.invalid) == ("422 Invalid: note: Too long", True)


def test_the_chart_has_the_message_that_the_agent_recognises() -> None:
    chart = Path(__file__).parents[2] / "charts/oomwarden/templates/admission/node-bound.yaml"
    assert oomkill_writer.FOREIGN_EVENT_DENIAL in chart.read_text()


FORBIDDEN = status(
    403,
    "Forbidden",
    f"ValidatingAdmissionPolicy 'x' denied: {oomkill_writer.FOREIGN_EVENT_DENIAL}: y",
)
FOREIGN = [body(EVENT | {"reportingInstance": "node-b"}), body(EVENT | {"regarding": {"uid": "u"}})]


@pytest.mark.parametrize("answer", [FORBIDDEN, *FOREIGN])
async def test_another_writers_event_with_the_same_name_is_no_delivery(answer: Answer) -> None:
    assert await delivery(EXISTS, answer, what=ONE) == Delivery(name_taken_by="Event shop/api-1")


async def test_a_record_that_cannot_be_encoded_is_retried_and_raises_nothing() -> None:
    result = await delivery(what=kill() | {"node": "\ud800"})
    assert result.retry is not None
    assert result.retry.refused
    assert result.retry.invalid, "it is retried later without its details"
    assert "UnicodeEncodeError" in result.retry.reason
