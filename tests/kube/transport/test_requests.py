"""Requests have the paths, queries, headers and bodies that Kubernetes documents."""

import urllib.parse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden import __version__
from oomwarden.kube.transport.client import Client
from oomwarden.kube.transport.errors import ApiError
from oomwarden.kube.transport.requests import Patch, PatchType, quoted, target
from oomwarden.kube.transport.resources import (
    ClusterOOMPolicy,
    Event,
    Node,
    OOMKill,
    OOMNode,
    Pod,
    Resource,
)

from tests.support.fake_api import FakeApi, Request, body


async def sent(call: Any) -> Request:  # noqa: ANN401
    """Return the request of a call."""
    api = FakeApi([body({"metadata": {"name": "n"}})])
    async with api.client() as client:
        await call(client)
    return api.requests[0]


@pytest.mark.parametrize(
    ("resource", "namespace", "name", "path"),
    [
        (Pod, "shop", "db-0", "/api/v1/namespaces/shop/pods/db-0"),
        (Pod, None, None, "/api/v1/pods"),
        (Pod.of("resize"), "shop", "db-0", "/api/v1/namespaces/shop/pods/db-0/resize"),
        (Node, None, "n1", "/api/v1/nodes/n1"),
        (Node, "ignored", "n1", "/api/v1/nodes/n1"),
        (Event, "shop", None, "/apis/events.k8s.io/v1/namespaces/shop/events"),
        (ClusterOOMPolicy, "", "a", "/apis/oomwarden.io/v1alpha1/clusteroompolicies/a"),
        (OOMNode.of("status"), None, "n", "/apis/oomwarden.io/v1alpha1/oomnodes/n/status"),
    ],
)
def test_objects_have_their_paths(
    resource: Resource, namespace: str | None, name: str | None, path: str
) -> None:
    assert resource.path(namespace, name) == path


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "a?b", "a b", "ä", "a\n", "-a", "x" * 254, "a%2f"]
)
async def test_a_name_that_cannot_be_one_is_not_found_before_anything_is_sent(name: str) -> None:
    async with FakeApi([]).client() as client:
        for where in ({"name": name}, {"name": "a", "namespace": name or "/"}):
            with pytest.raises(ApiError, match="not a valid object name") as error:
                await client.get(Pod, **where)
            assert error.value.status.code == 404


@given(st.text())
def test_values_are_quoted_as_urllib_does(text: str) -> None:
    assert quoted(text) == urllib.parse.quote(text, safe="", errors="replace")


def test_parameters_that_are_none_are_left_out() -> None:
    assert target("/api", {"a": None}) == "/api"
    assert target("/api", {"a": "x,y=z", "b": None, "c": ""}) == "/api?a=x%2Cy%3Dz&c="


async def test_an_object_is_created_with_its_kind_in_its_namespace() -> None:
    kill = {"metadata": {"name": "k", "namespace": "shop"}}
    request = await sent(lambda client: client.create(OOMKill, kill, field_manager="me"))
    assert (request.method, request.path) == (
        "POST",
        "/apis/oomwarden.io/v1alpha1/namespaces/shop/oomkills",
    )
    assert request.query == {"fieldManager": "me"}
    assert request.body == {"apiVersion": "oomwarden.io/v1alpha1", "kind": "OOMKill", **kill}
    assert request.headers["content-type"] == "application/json"


async def test_an_object_is_replaced_at_its_own_path() -> None:
    node = {"metadata": {"name": "n", "resourceVersion": "7"}, "status": {}}
    request = await sent(lambda client: client.replace(OOMNode.of("status"), node))
    assert (request.method, request.path.rpartition("v1alpha1")[2]) == ("PUT", "/oomnodes/n/status")
    assert request.body == {"apiVersion": "oomwarden.io/v1alpha1", "kind": "OOMNode", **node}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (PatchType.MERGE, {"data": {}}),
        (PatchType.STRATEGIC, {"spec": {}}),
        (PatchType.APPLY, {"metadata": {"name": "a"}}),
        (PatchType.JSON, [{"op": "add", "path": "/a", "value": 1}]),
    ],
)
async def test_a_patch_names_its_type_and_its_manager(kind: PatchType, content: Any) -> None:  # noqa: ANN401
    patch = Patch(content, kind, "me")
    request = await sent(lambda client: client.patch(Pod, "a", patch, "shop"))
    assert (request.method, request.body) == ("PATCH", content)
    assert request.headers["content-type"] == str(kind)
    assert request.query == {"fieldManager": "me"}


@pytest.mark.parametrize("only", [{}, {"uid": "u-1"}, {"uid": "u-1", "resourceVersion": "7"}])
async def test_a_deletion_may_be_bound_to_a_version(only: dict[str, str]) -> None:
    request = await sent(lambda client: client.delete(Pod, "a", "shop", **only))
    assert (request.method, request.path) == ("DELETE", "/api/v1/namespaces/shop/pods/a")
    assert request.body.get("preconditions", {}) == only


async def test_the_audit_log_can_name_the_program() -> None:
    request = await sent(lambda client: client.get(Node, "n"))
    program, _, version = request.headers["user-agent"].partition("/")
    assert program
    assert version == __version__
    assert request.headers["accept"] == "application/json"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
async def test_what_is_no_json_is_not_sent(value: object) -> None:
    async def create(client: Client) -> None:
        await client.create(Node, {"metadata": {"name": "n"}, "value": value})

    api = FakeApi([])
    async with api.client() as client:
        with pytest.raises(ValueError):  # noqa: PT011 - of the json module
            await create(client)
    assert api.requests == []
