"""lightkube's requests, with rotated tokens, safe names and consistent errors."""

import re
import time
from collections.abc import Generator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
from lightkube import ALL_NS, ApiError, ConfigError, SingleConfig
from lightkube.config import client_adapter
from lightkube.core.generic_client import BasicRequest, GenericAsyncClient
from lightkube.core.resource import Resource as LightkubeResource

from oomwarden.kube.transport.error_counts import ApiErrorCounts
from oomwarden.kube.transport.errors import error_from_response, error_from_status
from oomwarden.kube.transport.responses import decode_object

TOKEN_AGE_SECONDS = 60.0
"""Age at which the token file is read again, as in client-go (transport/token_source.go).

lightkube reads it only after a 401. But the API server accepts an automounted token for a year,
and counts clients with an outdated one (service account admission,
WarnOnlyBoundTokenExpirationPeriod).
"""
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.:]{0,251}[A-Za-z0-9])?")
"""Valid path segments: no slash, not only dots (apimachinery pkg/api/validation/path)."""


class TokenFile(httpx2.Auth):
    """Authentication with a bearer token from a file that the kubelet rotates."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._token = ""
        self._read_at = float("-inf")

    def auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Add the token. If it is refused, read the file again and retry once."""
        if time.monotonic() - self._read_at >= TOKEN_AGE_SECONDS:
            self._read()
        response = yield self._signed(request)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            self._read()
            yield self._signed(request)

    def _signed(self, request: httpx2.Request) -> httpx2.Request:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def _read(self) -> None:
        try:
            self._token = self._path.read_text().strip()
        except OSError as error:
            raise ConfigError(f"the service account token cannot be read: {error}") from error
        self._read_at = time.monotonic()


def _http_client(
    config: SingleConfig, conn_parameters: client_adapter.ConnectionParams
) -> httpx2.AsyncClient:
    client = client_adapter.AsyncClient(config, conn_parameters)
    if config.user is not None and config.user.token_file is not None:
        client.auth = TokenFile(config.user.token_file)
    return client


class Requests(GenericAsyncClient):
    """lightkube's requests, with an ApiError for every unsuccessful response.

    lightkube itself raises KeyError for a response without a content type.

    Attributes:
        errors: Counts the calls that fail.
    """

    AdapterClient = staticmethod(_http_client)

    def __init__(self, parameters: client_adapter.ConnectionParams, config: SingleConfig) -> None:
        super().__init__(parameters, config)
        self.errors = ApiErrorCounts()

    async def send(self, req: httpx2.Request, stream: bool = False) -> httpx2.Response:  # noqa: FBT001, FBT002 - lightkube's signature
        """Send like lightkube, and count a failure."""
        with self.errors.counting():
            response: httpx2.Response = await super().send(req, stream)  # type: ignore[no-untyped-call]
        if not response.is_success:
            self.errors.add_status(response.status_code)
        return response

    def prepare_request(  # noqa: PLR0913, PLR0917 - lightkube's signature
        self,
        method: object,
        res: type[LightkubeResource] | None = None,
        obj: object = None,
        name: object = None,
        namespace: object = None,
        watch: bool = False,  # noqa: FBT001, FBT002
        params: dict[Any, Any] | None = None,
        headers: dict[Any, Any] | None = None,
    ) -> BasicRequest:
        """Prepare a request like lightkube, which inserts names into the path unescaped.

        Raises:
            ApiError: 404 for an invalid object name, before anything is sent.
        """
        for each in (name, namespace):
            if each not in {None, ALL_NS} and not _NAME.fullmatch(str(each)):
                raise _no_such_name(str(each))
        return super().prepare_request(method, res, obj, name, namespace, watch, params, headers)

    def handle_response(self, method: str, resp: httpx2.Response, br: BasicRequest) -> Any:  # noqa: ANN401 - lightkube's signature
        """Decode an object like lightkube, also if it is deeply nested.

        Raises:
            httpx2.HTTPError: The response is unsuccessful, or no object.
        """
        if method == "list" or br.response_type is None:
            return super().handle_response(method, resp, br)
        self.raise_for_status(resp)
        with self.errors.counting():
            return br.response_type(decode_object(resp.content))

    @staticmethod
    def raise_for_status(resp: httpx2.Response) -> None:
        """Raise an ApiError for every unsuccessful response."""
        if not resp.is_success:
            raise error_from_response(resp)


def _no_such_name(name: str) -> ApiError:
    message = f"{name[:64]!r} is not a valid object name"
    status = {"code": 404, "reason": "NotFound", "message": message, "details": {"kind": "?"}}
    return error_from_status(status)
