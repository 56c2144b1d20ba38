"""The transport outside of a pod: what a kubeconfig says, with lightkube and httpx2.

Nothing else imports these libraries, and an agent never imports this module: they take 12 MiB.
"""

import logging
from typing import Self

import httpx2
from lightkube import ConfigError as KubeconfigError
from lightkube import KubeConfig, SingleConfig
from lightkube.config.client_adapter import AsyncClient, ConnectionParams

from oomwarden.kube.http.exchange import ApiRequest, ApiResponse
from oomwarden.kube.http.failures import (
    ConfigError,
    ConnectError,
    ConnectionLostError,
    ProtocolError,
    ReadTimeoutError,
    TimedOutError,
    TransportError,
)

_TYPES: tuple[tuple[type[httpx2.TransportError], type[TransportError]], ...] = (
    (httpx2.ConnectTimeout, ConnectError),
    (httpx2.ConnectError, ConnectError),
    (httpx2.ProxyError, ConnectError),
    (httpx2.ReadTimeout, ReadTimeoutError),
    (httpx2.TimeoutException, TimedOutError),
    (httpx2.NetworkError, ConnectionLostError),
    (httpx2.ProtocolError, ProtocolError),
)


class HttpxBody:
    """A body of httpx2."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self._pieces = response.aiter_raw()

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next bytes."""
        try:
            return await anext(self._pieces)
        except httpx2.TransportError as error:
            raise _own_error(error) from error

    async def aclose(self) -> None:
        """Give the connection back."""
        await self._response.aclose()


class KubeconfigTransport:
    """Sends requests with httpx2, which knows proxies, client certificates and exec plugins."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def send(self, request: ApiRequest) -> ApiResponse:
        """Send a request."""
        timeout = httpx2.Timeout(self._client.timeout)
        timeout.read = request.silence or timeout.read
        prepared = self._client.build_request(
            request.method,
            request.target,
            headers=dict(request.headers),
            content=request.body or None,
            timeout=timeout,
        )
        try:
            response = await self._client.send(prepared, stream=True)
        except httpx2.TransportError as error:
            raise _own_error(error) from error
        except KubeconfigError as error:
            raise ConfigError(str(error)) from error
        headers = {name.lower(): value for name, value in response.headers.items()}
        return ApiResponse(
            response.status_code, response.reason_phrase, headers, HttpxBody(response)
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def from_kubeconfig(seconds: float) -> KubeconfigTransport:
    """Return the transport of $KUBECONFIG or ~/.kube/config.

    Args:
        seconds: Time-out of connecting, of sending, and of each wait for a byte.

    Raises:
        ConfigError: The file cannot be used. The message says what to do.
    """
    try:
        config = KubeConfig.from_env().get()
    except (KubeconfigError, KeyError, OSError) as error:
        raise ConfigError(
            "no API server is configured: this is not a pod with a service account, and no "
            f"kubeconfig could be read ({error}); set KUBECONFIG to a file"
        ) from error
    if config is None:
        raise ConfigError(
            "the kubeconfig has no current context; set one with `kubectl config use-context`"
        )
    return of_context(config, seconds)


def of_context(config: SingleConfig, seconds: float) -> KubeconfigTransport:
    """Return the transport of one context of a kubeconfig."""
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # otherwise it logs each request
    parameters = ConnectionParams(timeout=httpx2.Timeout(seconds))
    return KubeconfigTransport(AsyncClient(config, parameters))


def _own_error(error: httpx2.TransportError) -> TransportError:
    kind = next((own for theirs, own in _TYPES if isinstance(error, theirs)), TransportError)
    return kind(str(error) or type(error).__name__)
