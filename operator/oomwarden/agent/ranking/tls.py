"""TLS with a certificate of this process: made at its start, kept in memory, pinned by clients."""

import hashlib
import os
import ssl
from typing import NamedTuple

from oomwarden.agent.ranking.libcrypto import KeyAndCertificate, make_certificate


class ServerTLS(NamedTuple):
    """What the server presents.

    Attributes:
        context: Serves the certificate.
        fingerprint: SHA-256 of the certificate in DER, in hexadecimal digits.
    """

    context: ssl.SSLContext
    fingerprint: str


def server_tls() -> ServerTLS:
    """Make a certificate and the TLS context that serves it.

    Raises:
        CertificateError: The OpenSSL library cannot make one.
        OSError: It cannot be loaded.
    """
    made = make_certificate()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    _load(context, made)
    der = ssl.PEM_cert_to_DER_cert(made.certificate.decode("ascii"))
    return ServerTLS(context, hashlib.sha256(der).hexdigest())


def _load(context: ssl.SSLContext, made: KeyAndCertificate) -> None:
    """Load through a file without a name: `ssl` reads keys from files only."""
    fd = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.write(fd, made.key + made.certificate)
        context.load_cert_chain(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)
