"""The calls on the switch, as an API server sees them."""

import pytest
from lightkube import ApiError
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.kube.mode import MADE, ModeConfigMap

from tests.support.fake_api import FakeApi, body, status

GONE = status(404, "NotFound", "there is none")
SWITCH = "/api/v1/namespaces/oomwarden/configmaps/oomwarden-control"


async def test_a_switch_is_made_without_the_label_by_which_argo_cd_prunes() -> None:
    api = FakeApi([body({}, 201)])
    async with api.client() as client:
        await ModeConfigMap(client, "oomwarden").make(EnforcementMode.ENFORCE)
    (request,) = api.requests
    assert (request.method, request.path) == ("POST", SWITCH.rpartition("/")[0])
    assert request.body["data"] == {"mode": "Enforce"}
    assert "app.kubernetes.io/instance" not in request.body["metadata"]["labels"]
    assert not any(
        "argocd" in key or "helm" in key for key in request.body["metadata"]["annotations"]
    )


async def test_one_that_came_meanwhile_stays_as_it_is() -> None:
    api = FakeApi([status(409, "AlreadyExists", "there is one")])
    async with api.client() as client:
        await ModeConfigMap(client, "oomwarden").make(EnforcementMode.ENFORCE)
    assert len(api.requests) == 1


async def test_an_uninstallation_turns_the_switch_and_makes_it_where_it_was_deleted() -> None:
    api = FakeApi([body({}), GONE, body({}, 201)])
    async with api.client() as client:
        calls = ModeConfigMap(client, "oomwarden")
        await calls.set_mode(EnforcementMode.RELEASE)
        await calls.set_mode(EnforcementMode.RELEASE)
    asked = [(each.method, each.body["data"]["mode"]) for each in api.requests]
    assert asked == [("PATCH", "Release"), ("PATCH", "Release"), ("POST", "Release")]


async def test_whether_it_exists_and_deleting_one_that_is_gone() -> None:
    api = FakeApi([body({}), GONE, GONE, status(403, "Forbidden", "no")])
    async with api.client() as client:
        calls = ModeConfigMap(client, "oomwarden")
        assert await calls.exists()
        assert not await calls.exists()
        await calls.remove()
        with pytest.raises(ApiError):
            await calls.remove()
    assert {each.path for each in api.requests} == {SWITCH}


async def test_that_it_was_made_is_noted_on_the_operators_account() -> None:
    noted = body({"metadata": {"name": "o", "annotations": {MADE: "true"}}})
    api = FakeApi([body({"metadata": {"name": "o"}}), body({}), noted])
    async with api.client() as client:
        calls = ModeConfigMap(client, "oomwarden")
        assert not await calls.was_made("o")
        await calls.note_made("o")
        assert await calls.was_made("o")
    assert api.requests[1].body == {"metadata": {"annotations": {MADE: "true"}}}
    assert {each.path for each in api.requests} == {
        "/api/v1/namespaces/oomwarden/serviceaccounts/o"
    }
