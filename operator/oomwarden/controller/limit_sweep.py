"""Deletes OOMLimits after their pods: nobody tells the operator that a pod has gone."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from oomwarden.kube.errors import API_ERRORS, failure

EVERY_SECONDS = 60.0
PER_SECOND = 20.0
"""Pods looked for. The operator sets ten limits a second, so that records cannot pile up."""
_LOG = logging.getLogger(__name__)

Json = dict[str, Any]


class Records(Protocol):
    """The calls that are needed; each may raise one of kube.errors.API_ERRORS."""

    def all(self) -> AsyncIterator[Json]:
        """Give the metadata of all records."""

    async def drop_if_gone(self, metadata: Json) -> bool:
        """Delete a record whose pod is gone."""


@dataclass(slots=True, eq=False)
class LimitSweep:
    """One plain loop."""

    records: Records
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self) -> None:
        """Work for ever, whatever the API server answers."""
        while True:
            try:
                await self.once()
            except API_ERRORS as error:
                _LOG.warning("OOMLimits are looked through later: %s", failure(error).reason)
            await self.sleep(EVERY_SECONDS)

    async def once(self) -> None:
        """Look at each record once."""
        async for metadata in self.records.all():
            if await self.records.drop_if_gone(metadata):
                _LOG.debug("OOMLimit %s: its pod is gone", metadata["name"])
            await self.sleep(1 / PER_SECOND)
