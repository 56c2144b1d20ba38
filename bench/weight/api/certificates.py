"""The certificates of the API server, and the files of a ServiceAccount that trusts them."""

import subprocess
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


def create(directory: Path) -> Path:
    """Write an authority, and the server's certificate and key; return the ServiceAccount's files.

    Raises:
        RuntimeError: openssl failed.
    """
    _openssl(
        *("-x509", *_KEY, "-subj", "/CN=weight", "-keyout", "ca.key", "-out", "ca.crt"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),  # Python 3.13 is strict
        cwd=directory,
    )
    _openssl(
        *("-x509", *_KEY, "-CA", "ca.crt", "-CAkey", "ca.key", "-subj", "/CN=kube-apiserver"),
        *("-keyout", "server.key", "-out", "server.crt"),
        *("-addext", "subjectAltName=IP:127.0.0.1,DNS:kubernetes.default.svc"),
        *("-addext", "extendedKeyUsage=serverAuth"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
        cwd=directory,
    )
    account = directory / "serviceaccount"
    account.mkdir()
    (account / "ca.crt").write_bytes((directory / "ca.crt").read_bytes())
    (account / "token").write_text("weight-token")
    (account / "namespace").write_text("oomwarden")
    return account


def _openssl(*arguments: str, cwd: Path) -> None:
    command = ("openssl", "req", *arguments)
    try:
        subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, timeout=30)
    except FileNotFoundError as error:
        raise RuntimeError(
            "there is no openssl, which makes the certificates: install it"
        ) from error
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"openssl failed: {error.stderr.strip()}") from error
