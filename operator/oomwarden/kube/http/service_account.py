"""What the kubelet gives a pod to reach the API server: address, CA and token."""

import os
import ssl
import time
from collections.abc import Mapping
from pathlib import Path

from oomwarden.kube.http.exchange import Address
from oomwarden.kube.http.failures import ConfigError

ACCOUNT_DIRECTORY = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TOKEN_AGE_SECONDS = 60.0
"""Age at which the token file is read again, as in client-go (transport/token_source.go).

The API server accepts an automounted token for a year, and counts clients with an outdated one
(service account admission, WarnOnlyBoundTokenExpirationPeriod).
"""


class TokenFile:
    """A bearer token in a file that the kubelet renews."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._token = ""
        self._read_at = float("-inf")

    def current(self) -> str:
        """Return the token, which was read a minute ago at most.

        Raises:
            ConfigError: It cannot be read.
        """
        if time.monotonic() - self._read_at >= TOKEN_AGE_SECONDS:
            self._read()
        return self._token

    def renewed(self, refused: str) -> str | None:
        """Read the file again; return its token if it is another than the refused one.

        Raises:
            ConfigError: It cannot be read.
        """
        self._read()
        return self._token if self._token != refused else None

    def _read(self) -> None:
        try:
            self._token = self._path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"the service account token cannot be read: {error}") from error
        self._read_at = time.monotonic()


class CertificateAuthority:
    """Trusts the certificates in a file, also after the file has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version: tuple[int, int] | None = None
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """Return how to verify a server, by the file as it is now.

        Unlike ssl.create_default_context, it accepts CAs without the key identifiers that Python
        3.13 demands (VERIFY_X509_STRICT), as Go does: many clusters have such CAs.

        Raises:
            ConfigError: The file cannot be read.
        """
        try:
            found = self._path.stat()
            version = (found.st_mtime_ns, found.st_ino)
            if self._context is None or version != self._version:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.load_verify_locations(cafile=self._path)
                self._context, self._version = context, version
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError(f"the CA of the API server cannot be read: {error}") from error
        return self._context


def server_address(environment: Mapping[str, str] = os.environ) -> Address | None:
    """Return the address that the kubelet gives every pod; None outside of a pod.

    Raises:
        ConfigError: The port is no number.
    """
    host = environment.get("KUBERNETES_SERVICE_HOST", "").strip("[]")
    port = environment.get("KUBERNETES_SERVICE_PORT", "")
    if not (host and port):
        return None
    if not (port.isascii() and port.isdigit()):
        raise ConfigError(f"KUBERNETES_SERVICE_PORT is no port: {port[:16]!r}")
    return Address(host, int(port))
