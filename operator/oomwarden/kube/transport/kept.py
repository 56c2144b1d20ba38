"""Objects as they are listed and watched, of which only what is needed is kept."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from oomwarden.core.objects.json_parts import object_at
from oomwarden.core.objects.passed_over import error_words
from oomwarden.kube.transport.client import Client, Json, Listing, ListOptions, everything

_IDENTITY = ("name", "namespace", "uid", "resourceVersion")
_OBJECTS = {"ADDED", "MODIFIED", "DELETED"}


@dataclass(frozen=True, slots=True)
class Kept:
    """A kube.watch.Source; `keep` makes the manifest that is handed on, metadata included.

    `of_list` makes of each object of a list what its sink replaces all by, in place of that.
    """

    client: Client
    keep: Callable[[Json], Json] = everything
    of_list: Callable[[Json], Any] | None = None

    async def listing(self, what: ListOptions, version: str | None = "0") -> Listing:
        """List, one object at a time."""
        return await self.client.listing(what, version, self.of_list or self._kept)

    async def watching(
        self, what: ListOptions, version: str, seconds: int
    ) -> AsyncGenerator[tuple[str, Json]]:
        """Watch from a version on."""
        async with aclosing(self.client.watching(what, version, seconds)) as events:
            async for kind, manifest in events:
                yield kind, self._kept(manifest) if kind in _OBJECTS else manifest

    def _kept(self, manifest: Json) -> Json:
        """Make what is kept of an object; of one of another shape who it is, and that it is cut."""
        try:
            return self.keep(manifest)
        except Exception as error:  # noqa: BLE001 - whatever an object makes it raise
            known = object_at(manifest, "metadata")
            identity = {key: known[key] for key in _IDENTITY if key in known}
            return {"metadata": identity, "cut": f"all but its name: {error_words(error)}"}
