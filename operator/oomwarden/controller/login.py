"""How kopf reaches the API server: with the pod's own token, else as kubectl would."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import kopf

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TOKEN_AGE = timedelta(minutes=10)
"""The kubelet renews a token at 80 % of its hour (pkg/kubelet/token), so its file lasts longer."""


def service_account(
    account: Path, environment: Mapping[str, str], now: datetime
) -> kopf.ConnectionInfo | None:
    """Give the pod's own connection; None outside of a pod.

    kopf's own one asks DNS for kubernetes.default.svc and never reads the token again before it is
    refused.
    """
    host, port = (
        environment.get("KUBERNETES_SERVICE_HOST"),
        environment.get("KUBERNETES_SERVICE_PORT"),
    )
    token = account / "token"
    if not (host and port and token.exists()):
        return None
    return kopf.ConnectionInfo(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        ca_path=str(account / "ca.crt"),
        token=token.read_text(encoding="utf-8").strip(),
        expiration=now + TOKEN_AGE,
    )


async def login(**arguments: Any) -> kopf.ConnectionInfo | None:  # noqa: ANN401 - kopf's
    """Log in; kopf calls it anew when the credentials expire or are refused."""
    own = service_account(ACCOUNT, os.environ, datetime.now(UTC))
    return own or kopf.login_with_kubeconfig(**arguments)
