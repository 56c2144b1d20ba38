import _ssl
import ctypes
import hashlib
import os
import socket
import ssl
import threading
from pathlib import Path

import pytest
from oomwarden.agent.ranking import libcrypto
from oomwarden.agent.ranking.libcrypto import CertificateError, make_certificate
from oomwarden.agent.ranking.tls import server_tls


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[bytes, str | None]:
    """Return the certificate that a client gets, and the version of TLS."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            server.wrap_socket(theirs, server_side=True).close()
        except (OSError, ssl.SSLError):
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with ours, client.wrap_socket(ours) as connection:
            return connection.getpeercert(binary_form=True) or b"", connection.version()
    finally:
        thread.join(10)


def client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def test_the_fingerprint_is_that_of_the_certificate_that_clients_get() -> None:
    tls = server_tls()
    der, version = handshake(tls.context, client_context())
    assert hashlib.sha256(der).hexdigest() == tls.fingerprint
    assert version == "TLSv1.3"


def test_every_agent_has_a_key_of_its_own() -> None:
    first, second = make_certificate(), make_certificate()
    assert first.key != second.key
    assert first.certificate != second.certificate


def test_openssl_verifies_the_certificate_by_itself(tmp_path: Path) -> None:
    made = make_certificate()
    (tmp_path / "ca.pem").write_bytes(made.certificate)
    strict = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    strict.check_hostname = False
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (tmp_path / "both.pem").write_bytes(made.key + made.certificate)
    serving.load_cert_chain(tmp_path / "both.pem")
    der, _ = handshake(serving, strict)
    assert der == ssl.PEM_cert_to_DER_cert(made.certificate.decode())


def test_older_versions_of_tls_are_refused() -> None:
    old = client_context()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, OSError)):
        handshake(server_tls().context, old)


def test_the_key_leaves_no_file_behind() -> None:
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - links, some of which are gone
    tls = server_tls()
    assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    assert tls.fingerprint


def test_a_python_without_the_functions_of_openssl_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(libcrypto._FUNCTIONS, "X509_of_the_future", (ctypes.c_int, ()))
    with pytest.raises(CertificateError, match="X509_of_the_future"):
        make_certificate()
    monkeypatch.undo()
    monkeypatch.setattr(_ssl, "__file__", "/nowhere.so")
    with pytest.raises(CertificateError, match="nowhere"):
        make_certificate()


def test_a_function_of_openssl_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libcrypto, "_CURVE_P256", 1)
    with pytest.raises(CertificateError, match=r"EVP_\w+ of the OpenSSL library failed"):
        make_certificate()
