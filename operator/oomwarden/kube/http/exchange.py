"""A request, a response, and the transport that exchanges one for the other."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol, Self

OK, MULTIPLE_CHOICES = 200, 300


class Address(NamedTuple):
    """Where a server listens.

    Attributes:
        host: Name or IP address, an IPv6 address without brackets.
        port: The port.
    """

    host: str
    port: int

    @property
    def authority(self) -> str:
        """Return it as the Host header has it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class ApiRequest(NamedTuple):
    """A request to the API server.

    Attributes:
        method: The method of HTTP.
        target: Path and query, encoded.
        headers: Headers besides those of the transport, which adds credentials.
        body: The body, empty for none.
        silence: Seconds without a byte of the response after which it counts as lost; None for the
            transport's time-out.
        is_watch: Whether the response lasts for minutes. Watches take no place from other requests.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    silence: float | None = None
    is_watch: bool = False


class ResponseBody(Protocol):
    """The bytes of a body as they arrive, still compressed if the server compressed them.

    Iterating raises a TransportError if the body is incomplete.
    """

    def __aiter__(self) -> Self:
        """Return itself."""

    async def __anext__(self) -> bytes:
        """Return the next bytes."""

    async def aclose(self) -> None:
        """Give the connection back; an incomplete response costs the connection."""


class ApiResponse(NamedTuple):
    """The head of a response, and its body, which must be closed.

    Attributes:
        status: The status code.
        reason: The reason phrase, which may be empty.
        headers: The headers, with names in lower case. Of several with one name, it has the last.
        body: The body.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    body: ResponseBody

    @property
    def is_success(self) -> bool:
        """Return whether the API server did what was asked for."""
        return OK <= self.status < MULTIPLE_CHOICES


class Transport(Protocol):
    """The way to the API server."""

    async def send(self, request: ApiRequest) -> ApiResponse:
        """Send a request, and return when the head of its response has arrived.

        Raises:
            TransportError: No response arrived.
            ConfigError: The credentials cannot be read.
        """

    async def aclose(self) -> None:
        """Close all connections."""
