"""Objects as they are listed and watched, of which only what is needed is kept."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from oomwarden.kube.client import Client, Json, Listing, Selection, everything

_OBJECTS = {"ADDED", "MODIFIED", "DELETED"}


@dataclass(frozen=True, slots=True)
class Kept:
    """A kube.watch.Source; `keep` makes the manifest that is handed on, metadata included.

    `of_list` makes of each object of a list what its sink replaces all by, in place of that.
    """

    client: Client
    keep: Callable[[Json], Json] = everything
    of_list: Callable[[Json], Any] | None = None

    async def listing(self, what: Selection, version: str | None = "0") -> Listing:
        """List, one object at a time."""
        return await self.client.listing(what, version, self.of_list or self.keep)

    async def watching(
        self, what: Selection, version: str, seconds: int
    ) -> AsyncGenerator[tuple[str, Json]]:
        """Watch from a version on."""
        async with aclosing(self.client.watching(what, version, seconds)) as events:
            async for kind, manifest in events:
                yield kind, self.keep(manifest) if kind in _OBJECTS else manifest
