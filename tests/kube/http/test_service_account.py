import time
from pathlib import Path

import pytest
from oomwarden.kube.http.connect import default_transport
from oomwarden.kube.http.exchange import Address
from oomwarden.kube.http.failures import ConfigError
from oomwarden.kube.http.kubeconfig_transport import KubeconfigTransport
from oomwarden.kube.http.pod_transport import PodTransport
from oomwarden.kube.http.service_account import TokenFile, server_address
from oomwarden.kube.transport.client import connect


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
    file = TokenFile(token)
    assert file.current() == "first"
    token.write_text("second")
    now += 59
    assert file.current() == "first"
    now += 1
    assert file.current() == "second"


def test_a_refused_token_is_read_again_immediately(token: Path) -> None:
    file = TokenFile(token)
    assert file.current() == "first"
    assert file.renewed("first") is None
    token.write_text("second")
    assert file.renewed("first") == "second"
    assert file.current() == "second"


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_an_unreadable_token_is_reported(token: Path, content: bytes | None) -> None:
    token.unlink()
    if content is not None:
        token.write_bytes(content)
    with pytest.raises(ConfigError, match="token cannot be read"):
        TokenFile(token).current()


@pytest.mark.parametrize(
    ("host", "address", "authority"),
    [
        ("10.96.0.1", Address("10.96.0.1", 443), "10.96.0.1:443"),
        ("fd00::1", Address("fd00::1", 443), "[fd00::1]:443"),
        ("[fd00::1]", Address("fd00::1", 443), "[fd00::1]:443"),
        ("api.example", Address("api.example", 443), "api.example:443"),
    ],
)
def test_the_address_is_that_of_the_environment(
    host: str, address: Address, authority: str
) -> None:
    found = server_address({"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"})
    assert found == address
    assert found is not None
    assert found.authority == authority


@pytest.mark.parametrize("missing", ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"])
def test_outside_of_a_pod_there_is_no_address(missing: str) -> None:
    both = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    assert server_address({key: value for key, value in both.items() if key != missing}) is None


def test_a_port_that_is_none_is_reported() -> None:
    with pytest.raises(ConfigError, match="is no port: 'tcp://10"):
        server_address(
            {"KUBERNETES_SERVICE_HOST": "h", "KUBERNETES_SERVICE_PORT": "tcp://10.0.0.1:443"}
        )


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: one
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: one, context: {cluster: c, user: u}}]
users: [{name: u, user: {token: t}}]
"""


def test_a_pod_uses_its_service_account_whatever_proxy_or_kubeconfig_is_set(
    token: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig = token.parent / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    assert isinstance(default_transport(1.0, token.parent), PodTransport)
    assert isinstance(default_transport(1.0, token.parent / "none"), KubeconfigTransport)


def test_a_missing_configuration_is_reported_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    with pytest.raises(ConfigError, match="set KUBECONFIG"):
        connect()


def test_a_kubeconfig_without_a_context_is_reported_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "k").write_text(KUBECONFIG.replace("current-context: one", ""))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "k"))
    with pytest.raises(ConfigError, match="set KUBECONFIG"):
        connect()
