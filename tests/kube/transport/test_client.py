import pytest
from oomwarden.kube.transport.client import ListOptions
from oomwarden.kube.transport.errors import ApiError
from oomwarden.kube.transport.resources import ConfigMap, Namespace, OOMNode, Pod

from tests.support.fake_api import Answer, FakeApi, listing


@pytest.mark.parametrize(
    ("what", "path", "query"),
    [
        (
            ListOptions(Pod, fields="spec.nodeName=n1"),
            "/api/v1/pods",
            {"fieldSelector": "spec.nodeName=n1"},
        ),
        (
            ListOptions(ConfigMap, namespace="oomwarden", fields="metadata.name=c"),
            "/api/v1/namespaces/oomwarden/configmaps",
            {"fieldSelector": "metadata.name=c"},
        ),
        (ListOptions(Namespace), "/api/v1/namespaces", {}),
        (
            ListOptions(OOMNode, labels="a=b"),
            "/apis/oomwarden.io/v1alpha1/oomnodes",
            {"labelSelector": "a=b"},
        ),
    ],
)
async def test_list_options_become_the_path_and_the_query(
    what: ListOptions, path: str, query: dict[str, str]
) -> None:
    api = FakeApi([listing(3, "a")])
    async with api.client() as client:
        found = await client.list_objects(what)
    assert found.version == "3"
    assert [each["metadata"]["name"] for each in found.objects] == ["a"]
    assert api.requests[0].path == path
    assert api.requests[0].query == {"resourceVersion": "0", **query}


async def test_a_response_without_content_type_is_an_ordinary_error() -> None:
    api = FakeApi([Answer(502, ("bad gateway",), {})])
    async with api.client() as client:
        with pytest.raises(ApiError, match="bad gateway"):
            await client.get(OOMNode, "n1")
