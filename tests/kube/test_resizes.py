"""What decides on a limit is read anew, and the patch goes to the subresource under our name."""

import pytest
from oomwarden.core.plan import Switch
from oomwarden.kube.resizes import Resizes

from tests.kube.fake_api import Answer, FakeApi, body, status

POD = {
    "metadata": {"name": "db-0", "namespace": "shop", "uid": "u", "resourceVersion": "77"},
    "spec": {"nodeName": "node-1", "containers": [{"name": "app"}]},
}
GOOD = {"metadata": {"name": "good"}, "spec": {"podSelector": {}, "rules": [{"oomScoreAdj": 1}]}}
BAD = {"metadata": {"name": "bad"}, "spec": {"rules": "?"}}


def switch(mode: str) -> Answer:
    return body({"data": {"mode": mode}})


def listed(*items: object) -> Answer:
    return body({"metadata": {"resourceVersion": "1"}, "items": list(items)})


def labelled(**labels: str) -> Answer:
    return body({"metadata": {"name": "n", "labels": labels}})


async def test_pod_policies_and_labels_are_read_from_the_newest_state() -> None:
    policies = (listed(GOOD, BAD), listed())
    labels = (labelled(t="a"), labelled(z="b"))
    api = FakeApi([switch("Enforce"), body(POD), *policies, *labels])
    async with api.client() as client:
        found = await Resizes(client, "oomwarden").look("shop", "db-0", "app")
    scene = found.scene
    assert (found.version, scene.node, scene.switch) == ("77", "node-1", Switch.ENFORCE)
    assert [policy.name for policy in scene.policies] == ["good"]
    assert (scene.namespace_labels, scene.node_labels) == ({"t": "a"}, {"z": "b"})
    assert scene.container is not None
    assert "resourceVersion" not in api.requests[2].query
    assert api.requests[0].path.endswith("/namespaces/oomwarden/configmaps/oomwarden-control")


async def test_a_pod_that_is_gone_is_no_error_and_no_switch_is_pause() -> None:
    api = FakeApi([status(404, "NotFound", "gone"), status(404, "NotFound", "gone")])
    async with api.client() as client:
        found = await Resizes(client, "oomwarden").look("shop", "db-0", "app")
    assert (found.scene.pod, found.scene.switch) == (None, Switch.PAUSE)


async def test_the_patch_goes_to_pods_resize_under_a_managers_name() -> None:
    api = FakeApi([body({})])
    async with api.client() as client:
        await Resizes(client, "o").resize("shop", "db-0", {"spec": {}}, "oomwarden-limit/app/1")
    (request,) = api.requests
    assert (request.method, request.path) == ("PATCH", "/api/v1/namespaces/shop/pods/db-0/resize")
    assert request.query["fieldManager"] == "oomwarden-limit/app/1"
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
async def test_a_name_that_no_pod_can_have_is_no_pod_and_is_not_sent(
    namespace: str, pod: str
) -> None:
    """Names come from OOMNodes, which a stolen token of an agent may write."""
    api = FakeApi([switch("Enforce")])
    async with api.client() as client:
        found = await Resizes(client, "oomwarden").look(namespace, pod, "app")
    assert found.scene.pod is None
    assert len(api.requests) == 1
