"""Decisions on limits read the latest state, and patches use pods/resize and a field manager."""

import pytest
from oomwarden.api.codec.codec import decode
from oomwarden.api.oomlimit import KeptLimit
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.kube.oomlimits import OOMLimits
from oomwarden.kube.pod_resizes import PodResizes

from tests.support.fake_api import Answer, FakeApi, body, status

POD = {
    "metadata": {"name": "db-0", "namespace": "shop", "uid": "u", "resourceVersion": "77"},
    "spec": {"nodeName": "node-1", "containers": [{"name": "app"}]},
}
GOOD = {"metadata": {"name": "good"}, "spec": {"podSelector": {}, "rules": [{"oomScoreAdj": 1}]}}
BAD = {"metadata": {"name": "bad"}, "spec": {"rules": "?"}}


UNKNOWN = status(404, "NotFound", "no such OOMLimit")
KEPT = {
    "name": "app",
    "step": "Limit",
    "before": "64Mi",
    "limit": "96Mi",
    "at": "2026-01-01T00:00:00Z",
}
RECORD = {"metadata": {"name": "u", "resourceVersion": "5"}, "spec": {"containers": [KEPT]}}


def switch(mode: str) -> Answer:
    return body({"data": {"mode": mode}})


def listed(*items: object) -> Answer:
    return body({"metadata": {"resourceVersion": "1"}, "items": list(items)})


def labelled(**labels: str) -> Answer:
    return body({"metadata": {"name": "n", "labels": labels}})


async def test_pod_policies_and_labels_are_read_from_the_latest_state() -> None:
    policies = (listed(GOOD, BAD), listed())
    labels = (labelled(t="a"), labelled(z="b"))
    api = FakeApi([switch("Enforce"), body(POD), UNKNOWN, *labels, *policies])
    async with api.client() as client:
        found = await PodResizes(client, "oomwarden").read_target("shop", "db-0", "app")
    context = found.context
    assert (found.resource_version, context.node, context.mode) == (
        "77",
        "node-1",
        EnforcementMode.ENFORCE,
    )
    assert [policy.name for policy in context.policies] == ["good"]
    assert (context.namespace_labels, context.node_labels) == ({"t": "a"}, {"z": "b"})
    assert context.container is not None
    assert "resourceVersion" not in api.requests[5].query
    assert api.requests[0].path.endswith("/namespaces/oomwarden/configmaps/oomwarden-control")


async def test_a_missing_pod_is_no_error_and_a_missing_mode_is_pause() -> None:
    api = FakeApi([status(404, "NotFound", "gone"), status(404, "NotFound", "gone")])
    async with api.client() as client:
        found = await PodResizes(client, "oomwarden").read_target("shop", "db-0", "app")
    assert (found.context.pod, found.context.mode) == (None, EnforcementMode.PAUSE)


async def test_the_patch_is_sent_to_pods_resize_with_a_field_manager() -> None:
    api = FakeApi([body({})])
    async with api.client() as client:
        await PodResizes(client, "o").resize("shop", "db-0", {"spec": {}}, "oomwarden-limit/app")
    (request,) = api.requests
    assert (request.method, request.path) == ("PATCH", "/api/v1/namespaces/shop/pods/db-0/resize")
    assert request.query["fieldManager"] == "oomwarden-limit/app"
    assert request.headers["content-type"] == "application/strategic-merge-patch+json"


@pytest.mark.parametrize(
    ("namespace", "pod"),
    [
        ("dev", "../../prod/pods/db-0"),
        ("..", "db-0"),
        ("dev", ".."),
        ("dev", "db-0/log"),
        ("dev", "db-0?watch=true"),
        ("dev", "a\nb"),
        ("dev", "x" * 70_000),
        ("dev", ""),
    ],
)
async def test_an_invalid_pod_name_is_no_pod_and_is_not_sent(namespace: str, pod: str) -> None:
    """Names come from OOMNodes, which anyone with a stolen token of an agent can write."""
    api = FakeApi([switch("Enforce")])
    async with api.client() as client:
        found = await PodResizes(client, "oomwarden").read_target(namespace, pod, "app")
    assert found.context.pod is None
    assert len(api.requests) == 1


def limited(limit: str) -> dict[str, object]:
    resources = {"limits": {"memory": limit}}
    return {
        **POD,
        "spec": {"nodeName": "", "containers": [{"name": "app", "resources": resources}]},
    }


async def test_the_oomlimit_decides_who_owns_a_limit() -> None:
    for record, limit, ours, foreign in (
        (RECORD, "96Mi", True, ""),
        (RECORD, "80Mi", False, "another client"),
        (
            {"metadata": {}, "spec": {"containers": [{"name": "app", "limit": "?"}]}},
            "96Mi",
            False,
            "",
        ),
    ):
        answers = [body(limited(limit)), body(record), labelled(), listed(), listed()]
        api = FakeApi([switch("Enforce"), *answers])
        async with api.client() as client:
            found = await PodResizes(client, "oomwarden").read_target("shop", "db-0", "app")
        assert api.requests[2].path.endswith("/oomlimits/u")
        assert found.context.container is not None
        writers = found.context.container.spec.ownership
        assert (writers.owner is not None, writers.other_writer) == (ours, foreign)


async def test_a_record_is_created_replaced_and_deleted_with_its_last_container() -> None:
    reads = [switch("Enforce"), body(limited("64Mi")), UNKNOWN, labelled(), listed(), listed()]
    made = {"metadata": {"name": "u", "resourceVersion": "6"}}
    api = FakeApi([*reads, body(made | {"spec": RECORD["spec"]}), body(RECORD), body({})])
    async with api.client() as client:
        calls = PodResizes(client, "oomwarden")
        found = await calls.read_target("shop", "db-0", "app")
        pending = decode(KeptLimit, KEPT | {"pending": True, "was": "64Mi"})
        found = await calls.store(found, pending)
        found = await calls.store(found, decode(KeptLimit, KEPT))
        found = await calls.store(found, None)
    create, replace, delete = api.requests[-3:]
    assert (create.method, replace.method, delete.method) == ("POST", "PUT", "DELETE")
    assert create.body["metadata"]["name"] == "u"
    assert create.body["spec"]["containers"][0]["was"] == "64Mi"
    assert replace.body["metadata"]["resourceVersion"] == "6"
    assert delete.body["preconditions"] == {"resourceVersion": "5"}, "not what another has recorded"
    assert found.record is None


@pytest.mark.parametrize(
    ("pod", "goes"),
    [(body(POD), False), (UNKNOWN, True), (body({"metadata": {"uid": "new"}}), True)],
)
async def test_a_record_is_deleted_with_its_pod_and_not_with_another_of_the_name(
    pod: Answer,
    goes: bool,  # noqa: FBT001 - what is expected
) -> None:
    api = FakeApi([pod, body({})])
    async with api.client() as client:
        metadata = {"name": "u", "annotations": {"oomwarden.io/pod": "shop/db-0"}}
        assert await OOMLimits(client).delete_if_pod_gone(metadata) is goes
    assert api.requests[0].path == "/api/v1/namespaces/shop/pods/db-0"
    assert len(api.requests) == 1 + goes


async def test_records_are_listed_with_the_names_of_their_pods() -> None:
    named = {"name": "u", "annotations": {"oomwarden.io/pod": "shop/db-0", "large": "x" * 9999}}
    page = body({"metadata": {}, "items": [{"metadata": named}, {"metadata": {"name": "v"}}]})
    async with FakeApi([page]).client() as client:
        found = [each async for each in OOMLimits(client).list_metadata()]
    assert found == [
        {"name": "u", "annotations": {"oomwarden.io/pod": "shop/db-0"}},
        {"name": "v"},
    ]


async def test_a_record_without_pod_name_is_not_deleted() -> None:
    api = FakeApi([])
    async with api.client() as client:
        assert not await OOMLimits(client).delete_if_pod_gone({"name": "u"})
    assert api.requests == []
