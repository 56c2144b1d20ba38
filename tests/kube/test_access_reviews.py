import pytest
from oomwarden.kube.access_reviews import AccessTo, Authenticated, authenticate, is_allowed
from oomwarden.kube.transport.errors import ApiError

from tests.support.fake_api import Answer, FakeApi, body, status

AUDIENCE = "rank.oomwarden.io/n1"
USER = Authenticated("system:serviceaccount:oomwarden:oomwarden-rank", "u", ("g",), {"k": ("v",)})
WANTED = AccessTo("get", "oomwarden.io", "oomnodes", "rank", "n1")


def reviewed(**more: object) -> Answer:
    user = {"username": USER.name, "uid": "u", "groups": ["g"], "extra": {"k": ["v"]}}
    return body({"status": {"authenticated": True, "user": user, "audiences": [AUDIENCE]} | more})


async def test_a_token_is_reviewed_for_the_audience_and_names_its_user() -> None:
    api = FakeApi([reviewed()])
    async with api.client() as client:
        assert await authenticate(client, "t", AUDIENCE) == USER
    (request,) = api.requests
    assert request.path == "/apis/authentication.k8s.io/v1/tokenreviews"
    assert request.body["spec"] == {"token": "t", "audiences": [AUDIENCE]}


@pytest.mark.parametrize(
    "more",
    [
        {"authenticated": False},
        {"authenticated": "true"},
        {"audiences": ["https://kubernetes.default.svc"]},
        {"audiences": None},
        {"audiences": []},
    ],
)
async def test_a_token_that_is_not_certainly_for_the_audience_is_nobody_s(
    more: dict[str, object],
) -> None:
    async with FakeApi([reviewed(**more)]).client() as client:
        assert await authenticate(client, "t", AUDIENCE) is None


async def test_an_answer_without_a_status_is_nobody_s() -> None:
    async with FakeApi([body({})]).client() as client:
        assert await authenticate(client, "t", AUDIENCE) is None


async def test_the_right_is_asked_for_with_all_that_is_known_of_the_user() -> None:
    api = FakeApi([body({"status": {"allowed": True}})])
    async with api.client() as client:
        assert await is_allowed(client, USER, WANTED)
    (request,) = api.requests
    assert request.path == "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    assert request.body["spec"] == {
        "user": USER.name,
        "uid": "u",
        "groups": ["g"],
        "extra": {"k": ["v"]},
        "resourceAttributes": {
            "verb": "get",
            "group": "oomwarden.io",
            "resource": "oomnodes",
            "subresource": "rank",
            "name": "n1",
        },
    }


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"status": {"allowed": False}},
        {"status": {"allowed": "yes"}},
        {"status": {"allowed": True, "denied": True}},
    ],
)
async def test_everything_else_is_a_refusal(found: dict[str, object]) -> None:
    async with FakeApi([body(found)]).client() as client:
        assert not await is_allowed(client, USER, WANTED)


async def test_an_agent_without_the_right_to_ask_gets_an_error() -> None:
    async with FakeApi([status(403, "Forbidden", "no")]).client() as client:
        with pytest.raises(ApiError, match="no"):
            await authenticate(client, "t", AUDIENCE)
