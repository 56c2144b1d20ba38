"""lightkube's requests: with tokens that are rotated, safe names, and plain errors."""

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

from oomwarden.kube.transport.answers import decoded
from oomwarden.kube.transport.errors import error_from, error_of

TOKEN_AGE_SECONDS = 60.0
"""After which a token's file is read again, as client-go does (transport/token_source.go).

lightkube does so on 401 only. But the API server takes an automounted token for a year, and counts
those who send an outdated one (service account admission, WarnOnlyBoundTokenExpirationPeriod).
"""
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.:]{0,251}[A-Za-z0-9])?")
"""What may be a part of a path: no slash, no dots alone (apimachinery pkg/api/validation/path)."""


class TokenFile(httpx2.Auth):
    """Bearer token of a file that the kubelet rotates."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._token = ""
        self._read_at = float("-inf")

    def auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Sign the request; when the token is refused, read the file again and try once more."""
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
            raise ConfigError(f"the service account's token cannot be read: {error}") from error
        self._read_at = time.monotonic()


def _http_client(
    config: SingleConfig, conn_parameters: client_adapter.ConnectionParams
) -> httpx2.AsyncClient:
    client = client_adapter.AsyncClient(config, conn_parameters)
    if config.user is not None and config.user.token_file is not None:
        client.auth = TokenFile(config.user.token_file)
    return client


class Requests(GenericAsyncClient):
    """lightkube's requests, with an ApiError for every answer that is no success.

    lightkube itself fails with KeyError on an answer without a content type.
    """

    AdapterClient = staticmethod(_http_client)

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
        """Make a request as lightkube does, which puts names into the path as they are.

        Raises:
            ApiError: 404 for a name that no object can have, before anything is sent.
        """
        for each in (name, namespace):
            if each not in {None, ALL_NS} and not _NAME.fullmatch(str(each)):
                raise _no_such_name(str(each))
        return super().prepare_request(method, res, obj, name, namespace, watch, params, headers)

    def handle_response(self, method: str, resp: httpx2.Response, br: BasicRequest) -> Any:  # noqa: ANN401 - lightkube's signature
        """Read an object as lightkube does, but one that is nested deeply as well.

        Raises:
            httpx2.HTTPError: it is no success, or no object.
        """
        if method == "list" or br.response_type is None:
            return super().handle_response(method, resp, br)
        self.raise_for_status(resp)
        return br.response_type(decoded(resp.content))

    @staticmethod
    def raise_for_status(resp: httpx2.Response) -> None:
        """Raise for every answer that is no success."""
        if not resp.is_success:
            raise error_from(resp)


def _no_such_name(name: str) -> ApiError:
    told = f"{name[:64]!r} is no name of an object"
    return error_of({"code": 404, "reason": "NotFound", "message": told, "details": {"kind": "?"}})
