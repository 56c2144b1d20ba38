"""Deletes OOMLimits after their pods: nobody tells the operator that a pod has gone."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from oomwarden.core.objects.passed_over import UnreadableObjects, error_words, name_of
from oomwarden.kube.transport.errors import API_ERRORS, failure

EVERY_SECONDS = 60.0
PER_SECOND = 20.0
"""Pods looked for. The operator sets ten limits a second, so that records cannot pile up."""
_KIND = "OOMLimit"
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
    """One plain loop. What cannot be looked at is in `passed_over` until it can be, or is gone."""

    records: Records
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    passed_over: UnreadableObjects = field(default_factory=UnreadableObjects)
    _odd: dict[str, Json] = field(default_factory=dict)

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
        before, self._odd = self._odd, {}
        async for metadata in self.records.all():
            await self._look(metadata)
            await self.sleep(1 / PER_SECOND)
        for name in before.keys() - self._odd.keys():
            self.passed_over.clear(_KIND, before[name])

    async def _look(self, metadata: Json) -> None:
        """Look at one record; one that cannot be read or deleted keeps no other one waiting."""
        try:
            if await self.records.drop_if_gone(metadata):
                _LOG.debug("OOMLimit %s: its pod is gone", metadata["name"])
        except API_ERRORS as error:
            told = failure(error)
            if told.everywhere:
                raise
            self._pass_over(metadata, told.reason)
        except Exception as error:  # noqa: BLE001 - whatever an object makes it raise
            self._pass_over(metadata, error_words(error))

    def _pass_over(self, metadata: Json, why: str) -> None:
        manifest = {"metadata": {"name": metadata.get("name")}}
        self._odd[str(metadata.get("name"))] = manifest
        if self.passed_over.note(_KIND, manifest, why):
            _LOG.warning("%s stays for now: %s", name_of(_KIND, manifest), why)
