"""Requests for the ConfigMap of the mode, as the API server receives them."""

import pytest
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.kube.mode import CREATED_ANNOTATION, ModeConfigMap
from oomwarden.kube.transport.errors import ApiError

from tests.support.fake_api import FakeApi, body, status

GONE = status(404, "NotFound", "there is none")
SWITCH = "/api/v1/namespaces/oomwarden/configmaps/oomwarden-control"


async def test_the_configmap_is_created_without_the_label_by_which_argo_cd_prunes() -> None:
    api = FakeApi([body({}, 201)])
    async with api.client() as client:
        await ModeConfigMap(client, "oomwarden").create(EnforcementMode.ENFORCE)
    (request,) = api.requests
    assert (request.method, request.path) == ("POST", SWITCH.rpartition("/")[0])
    assert request.body["data"] == {"mode": "Enforce"}
    assert "app.kubernetes.io/instance" not in request.body["metadata"]["labels"]
    assert not any(
        "argocd" in key or "helm" in key for key in request.body["metadata"]["annotations"]
    )


async def test_an_existing_configmap_is_left_unchanged() -> None:
    api = FakeApi([status(409, "AlreadyExists", "there is one")])
    async with api.client() as client:
        await ModeConfigMap(client, "oomwarden").create(EnforcementMode.ENFORCE)
    assert len(api.requests) == 1


async def test_setting_the_mode_recreates_a_deleted_configmap() -> None:
    api = FakeApi([body({}), GONE, body({}, 201)])
    async with api.client() as client:
        calls = ModeConfigMap(client, "oomwarden")
        await calls.set_mode(EnforcementMode.RELEASE)
        await calls.set_mode(EnforcementMode.RELEASE)
    asked = [(each.method, each.body["data"]["mode"]) for each in api.requests]
    assert asked == [("PATCH", "Release"), ("PATCH", "Release"), ("POST", "Release")]


async def test_existence_and_deletion_of_a_missing_configmap() -> None:
    api = FakeApi([body({}), GONE, GONE, status(403, "Forbidden", "no")])
    async with api.client() as client:
        calls = ModeConfigMap(client, "oomwarden")
        assert await calls.exists()
        assert not await calls.exists()
        await calls.remove()
        with pytest.raises(ApiError):
            await calls.remove()
    assert {each.path for each in api.requests} == {SWITCH}


async def test_the_creation_is_recorded_on_the_operators_service_account() -> None:
    noted = body({"metadata": {"name": "o", "annotations": {CREATED_ANNOTATION: "true"}}})
    api = FakeApi([body({"metadata": {"name": "o"}}), body({}), noted])
    async with api.client() as client:
        calls = ModeConfigMap(client, "oomwarden")
        assert not await calls.was_created("o")
        await calls.mark_created("o")
        assert await calls.was_created("o")
    assert api.requests[1].body == {"metadata": {"annotations": {CREATED_ANNOTATION: "true"}}}
    assert {each.path for each in api.requests} == {
        "/api/v1/namespaces/oomwarden/serviceaccounts/o"
    }
