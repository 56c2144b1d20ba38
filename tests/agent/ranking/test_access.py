import logging

import pytest
from oomwarden.agent.ranking.access import (
    KEPT_SECONDS,
    MAX_KEPT,
    MAX_REVIEWS_PER_SECOND,
    AccessVerdict,
    RankAccess,
)
from oomwarden.kube.access_reviews import CREDENTIAL_ID

from tests.support.fake_api import Answer, FakeApi, body, status

AUDIENCE = "rank.oomwarden.io/n1"


def authenticated(audience: str = AUDIENCE) -> Answer:
    user = {"username": "sre", "extra": {CREDENTIAL_ID: ["JTI=1"]}}
    return body({"status": {"authenticated": True, "user": user, "audiences": [audience]}})


ALLOWED = body({"status": {"allowed": True}})
DENIED = body({"status": {"allowed": False}})
NOBODY = body({"status": {"authenticated": False}})


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_user_with_the_right_is_allowed_and_asked_for_once_in_a_while() -> None:
    clock, api = Clock(), FakeApi([authenticated(), ALLOWED, authenticated(), DENIED])
    async with api.client() as client:
        access = RankAccess(client, "n1", clock)
        assert await access.decide("t") is AccessVerdict.ALLOWED
        clock.now += KEPT_SECONDS - 1
        assert await access.decide("t") is AccessVerdict.ALLOWED
        assert len(api.requests) == 2
        clock.now += 1
        assert await access.decide("t") is AccessVerdict.FORBIDDEN, "the right was withdrawn"
    review = api.requests[0].body["spec"]
    assert review == {"token": "t", "audiences": [AUDIENCE]}
    wanted = api.requests[1].body["spec"]["resourceAttributes"]
    assert (wanted["resource"], wanted["subresource"], wanted["name"]) == ("oomnodes", "rank", "n1")


@pytest.mark.parametrize("answer", [NOBODY, authenticated("rank.oomwarden.io/n2")])
async def test_a_token_for_something_else_is_not_even_asked_a_right_for(answer: Answer) -> None:
    api = FakeApi([answer])
    async with api.client() as client:
        assert await RankAccess(client, "n1").decide("t") is AccessVerdict.UNAUTHENTICATED
    assert len(api.requests) == 1


async def test_no_token_costs_no_review() -> None:
    api = FakeApi([])
    async with api.client() as client:
        assert await RankAccess(client, "n1").decide("") is AccessVerdict.UNAUTHENTICATED
    assert api.requests == []


async def test_a_flood_of_tokens_costs_a_few_reviews_a_second() -> None:
    clock, api = Clock(), FakeApi([NOBODY] * (MAX_REVIEWS_PER_SECOND + 1))
    async with api.client() as client:
        access = RankAccess(client, "n1", clock)
        verdicts = [await access.decide(f"guess {n}") for n in range(100)]
        assert verdicts.count(AccessVerdict.UNAUTHENTICATED) == MAX_REVIEWS_PER_SECOND
        assert verdicts.count(AccessVerdict.TOO_MANY) == 100 - MAX_REVIEWS_PER_SECOND
        clock.now += 1 / MAX_REVIEWS_PER_SECOND
        assert await access.decide("another") is AccessVerdict.UNAUTHENTICATED


async def test_what_is_kept_of_tokens_is_bounded_and_is_not_the_tokens() -> None:
    clock, api = Clock(), FakeApi([NOBODY] * 100)
    async with api.client() as client:
        access = RankAccess(client, "n1", clock)
        for number in range(100):
            clock.now += 1
            await access.decide(f"guess {number}")
    assert len(access._kept) == MAX_KEPT
    assert not any(b"guess" in key for key in access._kept)


async def test_an_api_server_that_does_not_answer_is_asked_again() -> None:
    api = FakeApi([status(500, "Internal", "broken"), authenticated(), ALLOWED])
    async with api.client() as client:
        access = RankAccess(client, "n1")
        assert await access.decide("t") is AccessVerdict.UNKNOWN
        assert await access.decide("t") is AccessVerdict.ALLOWED


async def test_the_log_names_the_user_and_the_token_s_id_but_not_the_token(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with FakeApi([authenticated(), DENIED]).client() as client:
        await RankAccess(client, "n1").decide("secret-token")
    assert "'sre' (token JTI=1) may not see the ranking" in caplog.text
    assert "secret-token" not in caplog.text
