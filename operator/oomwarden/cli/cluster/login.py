"""The connection to the cluster, as kubectl makes it: the only module that imports the client."""

import logging
import os
import re
import socket
import threading
from ast import literal_eval
from collections.abc import Callable, Iterator
from pathlib import Path

import urllib3
import yaml
from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException

from oomwarden.cli.cluster.errors import connection_error, from_response
from oomwarden.cli.errors import CliError

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
_FORWARDING = "v4.channel.k8s.io"
"""Port-forwarding through a WebSocket (k8s.io/kubelet pkg/cri/streaming/portforward)."""
_HANDSHAKE = re.compile(r"Handshake status (\d{3})")
"""How websocket-client begins a refusal."""
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_CONFIG_HELP = "name a kubeconfig with --kubeconfig or KUBECONFIG, or a context with --context"


class ApiConnection:
    """Sends requests with the user's credentials.

    Attributes:
        namespace: Namespace of the context.
        server: URL of the API server.
        read_seconds: How long an answer may take.
        connect_seconds: How long a connection may take.
    """

    read_seconds = READ_SECONDS
    connect_seconds = CONNECT_SECONDS

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self._api = api
        self.namespace = namespace
        self.server: str = api.configuration.host

    def request(
        self, method: str, target: str, right: str, body: object = None, content: str | None = None
    ) -> bytes:
        """Send a request and return the body of the answer.

        Raises:
            CliError: The API server refuses, or does not answer.
        """
        response = self._open(method, target, right, body, content, self.read_seconds)
        try:
            return bytes(response.read())
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error

    def stream(self, target: str, right: str) -> Iterator[bytes]:
        """Yield the pieces of an answer as they arrive, such as those of a watch.

        Raises:
            CliError: The API server refuses, or the connection ends.
        """
        response = self._open("GET", target, right, None, None, None)
        try:
            yield from response.stream(None)
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error
        finally:
            response.close()

    def forward(
        self, target: str, port: int, right: str
    ) -> tuple[socket.socket, Callable[[], str | None]]:
        """Open a connection to a port on the loopback of a pod.

        Args:
            target: Path of the pod's subresource portforward.
            port: The port.
            right: What it needs.

        Returns:
            A connected socket, and a function that returns why the kubelet has closed it; None if
            the kubelet has said nothing.

        Raises:
            CliError: The API server refuses, or does not answer.
        """
        from kubernetes.stream import ws_client  # noqa: PLC0415 - no other command needs it

        threading.excepthook = _ignore_forwarding
        protocol = {"sec-websocket-protocol": _FORWARDING}
        _, url, headers, *_ = self._api.param_serialize(
            "GET", target, header_params=protocol, auth_settings=["BearerToken"]
        )
        query = [("ports", str(port))]
        settings = self._api.configuration
        try:
            forwarding = ws_client.portforward_call(
                settings, "GET", url, headers=headers, query_params=query
            )
        except client.ApiException as error:  # the client wraps everything
            raise self._not_forwarded(str(error.reason), right) from error
        ours = socket.socket(fileno=forwarding.socket(port).detach())
        return ours, lambda: forwarding.error(port)

    def _not_forwarded(self, reason: str, right: str) -> CliError:
        refused = _HANDSHAKE.match(reason)
        if refused is None:
            return self._unreachable(OSError(reason))
        try:
            body = bytes(literal_eval(reason.rpartition("-+-+- ")[2]))
        except (ValueError, SyntaxError, TypeError):
            body = b""
        return from_response(int(refused[1]), body, right)

    def _open(
        self,
        method: str,
        target: str,
        right: str,
        body: object,
        content: str | None,
        read_seconds: float | None,
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": "application/json"} | ({"Content-Type": content} if content else {})
        request = self._api.param_serialize(
            method, target, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        try:
            answer = self._api.call_api(
                *request, _request_timeout=(self.connect_seconds, read_seconds)
            )
        except client.ApiException as error:  # TLS: the client wraps these alone
            raise CliError(
                f"no secure connection to {self.server} ({connection_error(str(error.reason))}); "
                "check the certificate-authority and tls-server-name of the kubeconfig"
            ) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreachable(error) from error
        if answer.status >= 400:  # noqa: PLR2004 - HTTP
            raise from_response(answer.status, answer.response.read(), right)
        response: urllib3.BaseHTTPResponse = answer.response
        return response

    def _unreachable(self, error: Exception) -> CliError:
        reason = connection_error(str(getattr(error, "reason", None) or error))
        return CliError(
            f"the API server {self.server} does not answer ({reason}); is it running, and is this "
            "the right context?"
        )


def _ignore_forwarding(failure: threading.ExceptHookArgs) -> None:
    """Keep the client's thread quiet; the command sees the end of its connection and says so."""
    name = failure.thread.name if failure.thread else ""
    if not name.startswith("Kubernetes port forward proxy"):
        threading.__excepthook__(failure)


def log_in(kubeconfig: str | None, context: str | None) -> ApiConnection:
    """Connect as kubectl does: kubeconfig, exec plugins, OIDC, proxies; in a pod its account.

    Raises:
        CliError: There is no usable configuration.
    """
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its retries are not the user's concern
    settings = client.Configuration()
    try:
        namespace = _configure(settings, kubeconfig, context)
    except (ConfigException, yaml.YAMLError, OSError, ValueError, KeyError, TypeError) as error:
        raise CliError(f"no usable kubeconfig: {error}; {_CONFIG_HELP}") from error
    settings.retries = False
    return ApiConnection(client.ApiClient(settings), namespace)


def _configure(settings: client.Configuration, kubeconfig: str | None, context: str | None) -> str:
    in_pod = _SERVICE_ACCOUNT / "namespace"
    if not (kubeconfig or context) and not _has_kubeconfig() and in_pod.exists():
        config.load_incluster_config(settings)
        return in_pod.read_text(encoding="utf-8").strip()
    config.load_kube_config(kubeconfig, context, client_configuration=settings)
    every, active = config.list_kube_config_contexts(kubeconfig)
    chosen = [each for each in every if each["name"] == context] if context else [active]
    return str(chosen[0].get("context", {}).get("namespace") or "default")


def context_names(kubeconfig: str | None) -> list[str]:
    """Return the names of the contexts in a kubeconfig.

    Raises:
        ConfigException: There is none.
    """
    return [str(each["name"]) for each in config.list_kube_config_contexts(kubeconfig)[0]]


def _has_kubeconfig() -> bool:
    paths = config.KUBE_CONFIG_DEFAULT_LOCATION.split(os.pathsep)
    return any(Path(path).expanduser().exists() for path in paths)
