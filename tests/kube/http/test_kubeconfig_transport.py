"""Outside of a pod, requests go through httpx2, and errors are the same as in one."""

import socket
from pathlib import Path

import pytest
from oomwarden.kube.http.failures import (
    ConfigError,
    ConnectError,
    ConnectionLostError,
    ProtocolError,
    ReadTimeoutError,
    TransportError,
)
from oomwarden.kube.http.kubeconfig_transport import KubeconfigTransport, from_kubeconfig

from tests.support.raw_api import RawApi, Then, body_of, ok, request

CONFIG = """
apiVersion: v1
kind: Config
current-context: one
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:{port}{path}"}}}}]
contexts: [{{name: one, context: {{cluster: c, user: u}}}}]
users: [{{name: u, user: {user}}}]
"""


def transport_to(
    port: int,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    user: str = "{token: t}",
    path: str = "",
) -> KubeconfigTransport:
    (folder / "config").write_text(CONFIG.format(port=port, user=user, path=path))
    monkeypatch.setenv("KUBECONFIG", str(folder / "config"))
    return from_kubeconfig(0.3)


async def test_a_request_is_signed_and_its_response_is_streamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = RawApi([[ok(b"hello", b"X-One: 1")]])
    async with api.listening(None) as address:
        transport = transport_to(address.port, tmp_path, monkeypatch, path="/k8s/clusters/c-1")
        sent = request("POST", b'{"a":1}')._replace(target="/api/v1/pods?x=%2Fy")
        response = await transport.send(sent)
        found = b"".join([piece async for piece in response.body])
        await response.body.aclose()
        await transport.aclose()
    assert (response.status, response.headers["x-one"], found) == (200, "1", b"hello")
    assert api.heads[0].startswith("POST /k8s/clusters/c-1/api/v1/pods?x=%2Fy HTTP/1.1\r\n")
    assert "authorization: bearer t" in api.heads[0].lower()
    assert api.bodies == [b'{"a":1}']


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", Then.CLOSE], ProtocolError),
        ([b"SSH-2.0-OpenSSH_9.2\r\n", Then.CLOSE], ProtocolError),
        ([Then.RESET], ConnectionLostError),
        ([Then.HANG], ReadTimeoutError),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", Then.HANG], ReadTimeoutError),
    ],
)
async def test_errors_are_those_of_the_pods_transport(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reply: list[bytes | float | Then],
    error: type[TransportError],
) -> None:
    async with RawApi([reply]).listening(None) as address:
        transport = transport_to(address.port, tmp_path, monkeypatch)
        with pytest.raises(error):
            await body_of(transport)
        await transport.aclose()


async def test_a_server_that_is_not_there_is_an_error_of_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    transport = transport_to(port, tmp_path, monkeypatch)
    with pytest.raises(ConnectError):
        await transport.send(request())
    await transport.aclose()


async def test_an_exec_plugin_provides_the_token_and_its_failure_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text("""#!/bin/sh\necho '{"status": {"token": "from-plugin"}}'\n""")
    plugin.chmod(0o700)
    user = "{exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: %s}}"
    api = RawApi([[ok()]])
    async with api.listening(None) as address:
        transport = transport_to(address.port, tmp_path, monkeypatch, user % plugin)
        response = await transport.send(request())
        await response.body.aclose()
        await transport.aclose()
        assert "bearer from-plugin" in api.heads[0].lower()
        failing = transport_to(address.port, tmp_path, monkeypatch, user % "/bin/false")
        with pytest.raises(ConfigError, match="/bin/false"):
            await failing.send(request())
        await failing.aclose()
