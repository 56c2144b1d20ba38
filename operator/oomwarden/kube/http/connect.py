"""Which transport: that of the pod's service account, or else that of a kubeconfig."""

import os
from pathlib import Path

from oomwarden.kube.http.exchange import Transport
from oomwarden.kube.http.failures import ConfigError
from oomwarden.kube.http.pod_transport import in_pod
from oomwarden.kube.http.service_account import ACCOUNT_DIRECTORY, server_address


def default_transport(seconds: float, account: Path = ACCOUNT_DIRECTORY) -> Transport:
    """Return the transport of the pod's service account; outside of a pod, that of a kubeconfig.

    In a pod, variables such as HTTPS_PROXY have no effect: the address of the API server is one of
    the cluster itself, and kopf has never used them for its own connections.

    Args:
        seconds: Time-out of connecting, sending and each read.
        account: The directory of the service account.

    Raises:
        ConfigError: Neither can be used. The message says what to do.
    """
    address = server_address(os.environ)
    if address is not None and (account / "token").exists():
        return in_pod(address, account, seconds)
    return _from_kubeconfig(seconds)


def _from_kubeconfig(seconds: float) -> Transport:
    try:
        from oomwarden.kube.http.kubeconfig_transport import (  # noqa: PLC0415 - not in a pod
            from_kubeconfig,
        )
    except ImportError as error:
        raise ConfigError(
            "no API server is configured: this is not a pod with a service account, and kubeconfigs"
            " need more packages; install them with `pip install 'oomwarden[kubeconfig]'`"
        ) from error
    return from_kubeconfig(seconds)
