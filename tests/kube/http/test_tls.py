"""The pod's transport with TLS, a CA and a token, as the kubelet provides them."""

import asyncio
import os
import ssl
from pathlib import Path

import pytest
from oomwarden.kube.http.failures import ConfigError, ConnectError, ConnectionLostError
from oomwarden.kube.http.service_account import CertificateAuthority

from tests.support.raw_api import Credentials, RawApi, Then, body_of, ok, refusal, request


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    found = Credentials(tmp_path_factory.mktemp("account"))
    found.make()
    return found


@pytest.fixture
def account(made: Credentials) -> Credentials:
    made.token.write_text("first\n")
    return made


async def test_requests_are_encrypted_signed_and_share_a_connection(account: Credentials) -> None:
    api = RawApi([[ok(b"one")], [ok(b"two")]])
    async with api.transport(account) as transport:
        assert [await body_of(transport) for _ in range(2)] == [b"one", b"two"]
    assert api.connections == 1
    assert all("authorization: bearer first" in head.lower() for head in api.heads)


async def test_large_bodies_are_encrypted_completely(account: Credentials) -> None:
    large = os.urandom(2_000_000)
    api = RawApi([[ok(large)]])
    async with api.transport(account) as transport:
        assert await body_of(transport, request("POST", large)) == large
    assert api.bodies == [large]


async def test_a_refused_token_is_read_again_and_the_request_sent_once_more(
    account: Credentials,
) -> None:
    api = RawApi([[ok()], [refusal(401)], [ok(b"welcome")]])
    async with api.transport(account) as transport:
        await body_of(transport)
        account.token.write_text("second")
        assert await body_of(transport, request("POST", b"{}")) == b"welcome"
    tokens = [head.lower().split("bearer ")[1].split("\r\n")[0] for head in api.heads]
    assert tokens == ["first", "first", "second"]
    assert api.bodies[1:] == [b"{}", b"{}"]


async def test_a_refused_token_that_has_not_changed_is_not_tried_again(
    account: Credentials,
) -> None:
    api = RawApi([[refusal(401)], [refusal(401)]])
    async with api.transport(account) as transport:
        response = await transport.send(request())
        await response.body.aclose()
    assert (response.status, len(api.heads)) == (401, 1)


async def test_a_token_that_cannot_be_read_is_an_error_of_the_configuration(
    account: Credentials,
) -> None:
    account.token.unlink()
    async with RawApi().transport(account) as transport:
        with pytest.raises(ConfigError, match="token cannot be read"):
            await transport.send(request())


async def test_a_server_with_another_ca_is_not_trusted_until_the_file_has_its_ca(
    account: Credentials, tmp_path: Path
) -> None:
    other = Credentials(tmp_path)
    other.make()
    right = account.authority.read_bytes()
    client = Credentials(tmp_path / "client")
    client.folder.mkdir()
    client.authority.write_bytes(other.authority.read_bytes())
    api = RawApi([[ok(b"trusted")]])
    async with api.transport(account) as transport:
        transport._authority = CertificateAuthority(client.authority)
        with pytest.raises(ConnectError, match="certificate verify failed"):
            await body_of(transport)
        renewed = client.folder / "new"
        renewed.write_bytes(right)
        renewed.rename(client.authority)
        assert await body_of(transport) == b"trusted"


async def test_a_server_with_the_name_of_another_is_not_trusted(tmp_path: Path) -> None:
    account = Credentials(tmp_path)
    account.make("DNS:elsewhere.example,IP:10.0.0.1")
    account.token.write_text("first")
    async with RawApi([[ok()]]).transport(account) as transport:
        with pytest.raises(ConnectError, match=r"127\.0\.0\.1"):
            await body_of(transport)


async def test_a_server_without_tls_is_not_trusted(account: Credentials) -> None:
    api = RawApi([])
    async with api.listening(None) as address, api.transport(account, 0.3) as transport:
        transport._address = address
        with pytest.raises(ConnectError):
            await body_of(transport)


async def test_a_body_that_ends_without_the_goodbye_of_tls_may_be_cut_off(
    account: Credentials,
) -> None:
    api = RawApi([[b"HTTP/1.1 200 OK\r\n\r\nhalf", 0.02, Then.RESET]])
    async with api.transport(account) as transport:
        with pytest.raises(ConnectionLostError):
            await body_of(transport)


async def test_a_context_is_kept_while_the_file_is_the_same(account: Credentials) -> None:
    authority = CertificateAuthority(account.authority)
    assert authority.context() is authority.context()
    assert authority.context().verify_mode is ssl.CERT_REQUIRED
    assert authority.context().check_hostname


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_ca_that_cannot_be_read_is_an_error_of_the_configuration(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "ca.crt").write_bytes(content)
    with pytest.raises(ConfigError, match="CA of the API server cannot be read"):
        CertificateAuthority(tmp_path / "ca.crt").context()


async def test_many_watches_take_little_memory(account: Credentials) -> None:
    """asyncio's own TLS takes 256 KiB for each, without what OpenSSL takes."""
    api = RawApi([[b"HTTP/1.1 200 OK\r\n\r\n", Then.HANG]] * 20)
    async with api.transport(account) as transport:
        watches = [await transport.send(request(watch=True)) for _ in range(20)]
        held = [connection._stream for connection in transport._in_use]
        assert {id(stream._buffer) for stream in held} == {id(transport._buffer)}
        assert sum(stream._received.pending for stream in held) < 20 * 2048
        for each in watches:
            await each.body.aclose()
        await asyncio.sleep(0)
