"""Stored records are listed in pages, as metadata, and deleted by name and uid."""

import json

import pytest
from oomwarden.core.quota.retention import StoredRecord
from oomwarden.kube.oomkill_pages import (
    PAGE_SIZE,
    DeletionRefusedError,
    ListExpiredError,
    OOMKillPages,
)
from oomwarden.kube.transport.errors import ApiError

from tests.support.fake_api import Answer, FakeApi, body, status

METADATA_ONLY = "application/json;as=partialobjectmetadatalist;g=meta.k8s.io;v=v1"
CREATED, SECONDS = "2026-01-02T03:04:05Z", 1767323045.0
DATE = {"Content-Type": "application/json", "Date": "Fri, 02 Jan 2026 03:05:05 GMT"}
METADATA = {"name": "api-1", "namespace": "shop", "uid": "u-1", "creationTimestamp": CREATED}
LABELLED = METADATA | {"labels": {"oomwarden.io/pod-uid": "p-1"}}
RECORD = StoredRecord(SECONDS, "api-1", "shop", "u-1", "p-1")
GONE = status(410, "Expired", "The provided continue parameter is too old")


def page_of(*items: object, token: str = "") -> Answer:
    page = body({"metadata": {"continue": token}, "items": [{"metadata": one} for one in items]})
    return Answer(lines=page.lines, headers=DATE)


async def test_a_page_of_records_is_read_with_the_api_servers_time() -> None:
    api = FakeApi([page_of(LABELLED, token="next"), page_of()])  # noqa: S106 - of a list
    async with api.client() as client:
        first = await OOMKillPages(client).page("")
        last = await OOMKillPages(client).page("next")
    assert (first.records, first.token, first.now) == ([RECORD], "next", SECONDS + 60)
    assert (last.records, last.token) == ([], "")
    assert [one.path for one in api.requests] == ["/apis/oomwarden.io/v1alpha1/oomkills"] * 2
    assert [one.query for one in api.requests] == [
        {"limit": str(PAGE_SIZE)},
        {"limit": str(PAGE_SIZE), "continue": "next"},
    ]
    assert {one.headers["accept"] for one in api.requests} == {METADATA_ONLY}


async def test_a_record_without_pod_label_counts_as_a_separate_pod() -> None:
    api = FakeApi([page_of(METADATA)])
    async with api.client() as client:
        (record,) = (await OOMKillPages(client).page("")).records
    assert record.pod == "u-1"


async def test_a_record_that_is_being_deleted_is_omitted() -> None:
    api = FakeApi([page_of(LABELLED | {"deletionTimestamp": CREATED})])
    async with api.client() as client:
        assert (await OOMKillPages(client).page("")).records == []


async def test_an_offered_token_for_the_current_list_is_used() -> None:
    expired = status(410, "Expired", "too old")
    offer = {**json.loads(expired.lines[0]), "metadata": {"continue": "inconsistent"}}
    api = FakeApi([body(offer, 410), page_of(LABELLED)])
    async with api.client() as client:
        assert (await OOMKillPages(client).page("old")).records == [RECORD]
    assert [one.query["continue"] for one in api.requests] == ["old", "inconsistent"]


async def test_records_are_counted_at_the_cost_of_one() -> None:
    one = body({"metadata": {"continue": "t", "remainingItemCount": 41}, "items": [{}]})
    api = FakeApi([one, body({"metadata": {}, "items": []})])
    async with api.client() as client:
        assert [await OOMKillPages(client).count() for _ in range(2)] == [42, 0]
    assert [each.query for each in api.requests] == [{"limit": "1"}] * 2


async def test_an_expired_token_is_distinguished_from_other_errors() -> None:
    api = FakeApi([GONE, GONE, status(500, "InternalError", "no")])
    async with api.client() as client:
        with pytest.raises(ListExpiredError):
            await OOMKillPages(client).page("old")
        for token in ("", "old"):
            with pytest.raises(ApiError):
                await OOMKillPages(client).page(token)


async def test_records_of_one_namespace_can_be_listed() -> None:
    api = FakeApi([page_of()])
    async with api.client() as client:
        await OOMKillPages(client, "shop").page("")
    (request,) = api.requests
    assert request.path == "/apis/oomwarden.io/v1alpha1/namespaces/shop/oomkills"


async def test_a_record_is_deleted_only_with_its_uid() -> None:
    api = FakeApi([body({"kind": "Status", "status": "Success"})])
    async with api.client() as client:
        assert await OOMKillPages(client).delete(RECORD)
    (request,) = api.requests
    path = "/apis/oomwarden.io/v1alpha1/namespaces/shop/oomkills/api-1"
    assert (request.method, request.path) == ("DELETE", path)
    assert request.body["preconditions"] == {"uid": "u-1"}


@pytest.mark.parametrize(
    "answer",
    [
        status(404, "NotFound", 'oomkills.oomwarden.io "api-1" not found'),
        status(404, "NotFound", 'namespaces "shop" not found', kind="namespaces"),
        status(409, "Conflict", "the UID in the precondition does not match"),
    ],
    ids=["gone", "namespace gone", "another one"],
)
async def test_a_missing_record_needs_no_deletion(answer: Answer) -> None:
    api = FakeApi([answer])
    async with api.client() as client:
        assert not await OOMKillPages(client).delete(RECORD)


@pytest.mark.parametrize(
    "answer",
    [
        status(403, "Forbidden", 'admission webhook "keep.example.com" denied the request'),
        status(500, "InternalError", "failed calling webhook"),
        status(422, "Invalid", "no"),
    ],
    ids=["denied", "webhook away", "invalid"],
)
async def test_a_refusal_concerns_only_one_record(answer: Answer) -> None:
    api = FakeApi([answer])
    async with api.client() as client:
        with pytest.raises(DeletionRefusedError):
            await OOMKillPages(client).delete(RECORD)


@pytest.mark.parametrize(
    "answer",
    [
        status(403, "Forbidden", 'User "op" cannot delete resource "oomkills"'),
        status(429, "TooManyRequests", "slow down"),
        status(503, "ServiceUnavailable", "stopping"),
    ],
    ids=["no rights", "too many", "stopping"],
)
async def test_a_server_wide_refusal_is_an_error(answer: Answer) -> None:
    api = FakeApi([answer])
    async with api.client() as client:
        with pytest.raises(ApiError):
            await OOMKillPages(client).delete(RECORD)


async def test_a_record_with_invalid_metadata_does_not_affect_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    odd = [{"name": "odd"}, LABELLED | {"creationTimestamp": "soon"}, LABELLED | {"labels": [5]}]
    api = FakeApi([page_of(*odd, LABELLED)])
    async with api.client() as client:
        assert (await OOMKillPages(client).page("")).records == [RECORD]
    assert "retention skips OOMKill odd, which cannot be read: 'uid' (KeyError at " in caplog.text
