import asyncio

import pytest
from oomwarden.kube import events
from oomwarden.kube.transport.errors import WriteOutcome, WriteResult

from tests.support.fake_api import Answer, FakeApi, body, status

EVENT = {
    "apiVersion": "events.k8s.io/v1",
    "kind": "Event",
    "metadata": {"name": "api-1", "namespace": "shop"},
    "note": "what happened",
}
EXISTS = status(409, "AlreadyExists", "already exists")


async def posted(answer: Answer) -> tuple[WriteResult, FakeApi]:
    api = FakeApi([answer])
    async with api.client() as client:
        result = await events.post(client, EVENT)
    return result, api


async def test_an_event_is_created_in_its_pods_namespace() -> None:
    result, api = await posted(body(EVENT, 201))
    assert result.outcome is WriteOutcome.DONE
    (request,) = api.requests
    path = "/apis/events.k8s.io/v1/namespaces/shop/events"
    assert (request.method, request.path, request.body) == ("POST", path, EVENT)


async def test_an_existing_event_counts_as_done() -> None:
    result, _ = await posted(EXISTS)
    assert result.outcome is WriteOutcome.DONE


async def test_an_error_is_returned_with_its_reason() -> None:
    result, _ = await posted(status(503, "ServiceUnavailable", "stopping"))
    assert result.outcome is WriteOutcome.RETRY
    assert "stopping" in result.reason


async def test_a_hanging_api_server_is_not_awaited_indefinitely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(events, "DEADLINE_SECONDS", 0.05)
    result, _ = await asyncio.wait_for(posted(Answer(hangs=True)), 5)
    assert result.outcome is WriteOutcome.RETRY


async def test_an_agents_event_is_posted_even_if_its_name_is_taken() -> None:
    foreign = body(EVENT | {"reportingInstance": "another"})
    api = FakeApi([EXISTS, foreign, body(EVENT, 201)])
    async with api.client() as client:
        result = await events.post_own(client, EVENT)
    assert result.outcome is WriteOutcome.DONE
    first, _, again = (request.body for request in api.requests)
    assert first["metadata"]["name"] == "api-1"
    assert again["metadata"]["name"].startswith("api-1-")


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([EXISTS, body(EVENT)], WriteOutcome.DONE),
        ([status(503, "ServiceUnavailable", "stopping")], WriteOutcome.RETRY),
        ([status(404, "NotFound", "gone", kind="namespaces")], WriteOutcome.UNDELIVERABLE),
        ([EXISTS, body(EVENT | {"regarding": {"uid": "u"}})] * 2, WriteOutcome.RETRY),
    ],
)
async def test_outcomes_of_posting_an_agents_event(
    answers: list[Answer], outcome: WriteOutcome
) -> None:
    api = FakeApi(list(answers))
    async with api.client() as client:
        assert (await events.post_own(client, EVENT)).outcome is outcome
    assert api.answers == []
