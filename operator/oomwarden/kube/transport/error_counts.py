"""How many calls of the API server failed, by kind."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

from oomwarden.core.metrics.api_error_kinds import ApiErrorKind, kind_of_status
from oomwarden.core.metrics.exposition import Sample
from oomwarden.kube.http.failures import ReadTimeoutError
from oomwarden.kube.transport.bodies import ParseEvent
from oomwarden.kube.transport.errors import API_ERRORS, error_from_status, kind_of


class ApiErrorCounts:
    """Counts the failed calls of a client. Any thread may read them."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(ApiErrorKind, 0)

    def add(self, error: Exception) -> None:
        """Count an error."""
        self._count(kind_of(error))

    def add_status(self, code: int) -> None:
        """Count a response that is no success."""
        self._count(kind_of_status(code))

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the error that leaves the block. Blocks must not be nested."""
        try:
            yield
        except API_ERRORS as error:
            self.add(error)
            raise

    async def watched(
        self, lines: AsyncGenerator[bytes], parse: ParseEvent
    ) -> AsyncGenerator[tuple[str, dict[str, Any]]]:
        """Yield the events in the lines of a watch; count errors among them, and a broken watch.

        Silence is not counted: if the connection is broken, the next request shows it.
        """
        try:
            async with aclosing(lines):
                async for line in lines:
                    kind, manifest = parse(line)
                    if kind == "ERROR":
                        self.add(error_from_status(manifest))
                    yield kind, manifest
        except API_ERRORS as error:
            if not isinstance(error, ReadTimeoutError):
                self.add(error)
            raise

    def samples(self) -> list[Sample]:
        """Return a series for each kind, those without errors too."""
        return [Sample((str(kind),), number) for kind, number in self._counts.items()]

    def _count(self, kind: ApiErrorKind | None) -> None:
        if kind is not None:
            self._counts[kind] += 1
