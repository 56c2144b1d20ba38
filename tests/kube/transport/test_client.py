import time
from pathlib import Path

import httpx2
import pytest
from lightkube import ApiError, ConfigError
from oomwarden.kube.transport.client import ListOptions, connect
from oomwarden.kube.transport.requests import TokenFile
from oomwarden.kube.transport.resources import ConfigMap, Namespace, OOMNode, Pod

from tests.support.fake_api import Answer, FakeApi, listing


def sent(auth: TokenFile, *codes: int) -> list[str]:
    """Return the tokens of a request's attempts, which get these status codes."""
    flow = auth.auth_flow(httpx2.Request("GET", "https://api/"))
    request = next(flow)
    tokens = [request.headers["Authorization"]]
    for code in codes:
        try:
            request = flow.send(httpx2.Response(code, request=request))
        except StopIteration:
            break
        tokens.append(request.headers["Authorization"])
    return tokens


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("first\n")
    return path


def test_a_rotated_token_is_used_within_a_minute(
    token: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    auth = TokenFile(str(token))
    assert sent(auth, 200) == ["Bearer first"]
    token.write_text("second")
    now += 59
    assert sent(auth, 200) == ["Bearer first"]
    now += 1
    assert sent(auth, 200) == ["Bearer second"]


def test_a_refused_token_is_read_again_immediately_and_retried_once(token: Path) -> None:
    auth = TokenFile(str(token))
    assert sent(auth, 200) == ["Bearer first"]
    token.write_text("second")
    assert sent(auth, 401, 401) == ["Bearer first", "Bearer second"]


def test_an_unreadable_token_is_reported(tmp_path: Path) -> None:
    auth = TokenFile(str(tmp_path / "token"))
    with pytest.raises(ConfigError, match="token cannot be read"):
        sent(auth, 200)


def test_a_missing_configuration_is_reported_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    with pytest.raises(ConfigError, match="set KUBECONFIG"):
        connect()


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
