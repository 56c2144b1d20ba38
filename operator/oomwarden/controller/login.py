"""How kopf connects to the API server: with the pod's token, or else with a kubeconfig."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import kopf

from oomwarden.kube.http.service_account import ACCOUNT_DIRECTORY, server_address

TOKEN_AGE = timedelta(minutes=10)
"""Time after which the token is read again. The kubelet renews a token at 80 % of its hour
(pkg/kubelet/token), so the one in the file stays valid for longer."""


def in_cluster_connection(
    account: Path, environment: Mapping[str, str], now: datetime
) -> kopf.ConnectionInfo | None:
    """Return the connection of the pod's ServiceAccount; None outside of a pod.

    kopf's own login resolves kubernetes.default.svc through DNS, and does not read the token again
    until the API server refuses it.
    """
    address, token = server_address(environment), account / "token"
    if address is None or not token.exists():
        return None
    return kopf.ConnectionInfo(
        server=f"https://{address.authority}",
        ca_path=str(account / "ca.crt"),
        token=token.read_text(encoding="utf-8").strip(),
        expiration=now + TOKEN_AGE,
    )


async def login(**arguments: Any) -> kopf.ConnectionInfo | None:  # noqa: ANN401 - kopf's
    """Log in; kopf calls it again when the credentials expire or are refused."""
    in_cluster = in_cluster_connection(ACCOUNT_DIRECTORY, os.environ, datetime.now(UTC))
    return in_cluster or kopf.login_with_kubeconfig(**arguments)
