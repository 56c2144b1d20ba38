"""The Lease is created once, and replaced only in the version that was read."""

import json

import pytest
from oomwarden.kube.coordination.leases import Leases
from oomwarden.kube.transport.errors import ApiError

from tests.support.fake_api import FakeApi, body, status

PATH = "/apis/coordination.k8s.io/v1/namespaces/oomwarden/leases"
SPEC = {"holderIdentity": "a", "leaseDurationSeconds": 15}
STORED = {
    "metadata": {"name": "op", "namespace": "oomwarden", "resourceVersion": "7"},
    "spec": SPEC,
}


async def test_a_missing_lease_is_none_and_another_error_is_raised() -> None:
    api = FakeApi([body(STORED), status(404, "NotFound", "gone"), status(403, "Forbidden", "no")])
    async with api.client() as client:
        leases = Leases(client, "oomwarden", "op")
        assert await leases.read() == STORED
        assert await leases.read() is None
        with pytest.raises(ApiError):
            await leases.read()
    assert api.requests[0].path == f"{PATH}/op"


async def test_a_created_lease_has_the_name_and_says_whose_it_is() -> None:
    exists = status(409, "AlreadyExists", "exists")
    api = FakeApi([body(STORED, 201), exists, status(403, "Forbidden", "no")])
    async with api.client() as client:
        leases = Leases(client, "oomwarden", "op")
        assert await leases.create({"spec": SPEC}) == STORED
        assert await leases.create({"spec": SPEC}) is None
        with pytest.raises(ApiError):
            await leases.create({"spec": SPEC})
    request = api.requests[0]
    assert (request.method, request.path) == ("POST", PATH)
    assert request.body["spec"] == SPEC
    assert request.body["metadata"]["labels"] == {"app.kubernetes.io/part-of": "oomwarden"}
    assert "ownerReferences" not in json.dumps(request.body)


async def test_a_lease_is_replaced_in_the_version_that_was_read_or_not_at_all() -> None:
    changed = (status(409, "Conflict", "changed"), status(404, "NotFound", "gone"))
    api = FakeApi([body(STORED), *changed, status(500, "InternalError", "no")])
    async with api.client() as client:
        leases = Leases(client, "oomwarden", "op")
        assert await leases.replace(STORED) == STORED
        assert await leases.replace(STORED) is None
        assert await leases.replace(STORED) is None
        with pytest.raises(ApiError):
            await leases.replace(STORED)
    request = api.requests[0]
    assert (request.method, request.path) == ("PUT", f"{PATH}/op")
    assert request.body["metadata"]["resourceVersion"] == "7"
