"""Delete OOMLimits whose pods no longer exist: the operator does not watch pods."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from oomwarden.core.log_line.keys import UNREADABLE, LogKeys, about, about_object
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.objects.unreadable import UnreadableObjects, describe_error, display_name
from oomwarden.kube.transport.errors import API_ERRORS, classify_error, error_keys

EVERY_SECONDS = 60.0
PER_SECOND = 20.0
"""OOMLimits that are checked. The operator sets ten limits a second, so they cannot pile up."""
_KIND = "OOMLimit"
_LOG = logging.getLogger(__name__)


class OOMLimitCalls(Protocol):
    """Required API calls; each may raise one of kube.transport.errors.API_ERRORS."""

    def list_metadata(self) -> AsyncIterator[Manifest]:
        """Yield the metadata of all OOMLimits."""

    async def delete_if_pod_gone(self, metadata: Manifest) -> bool:
        """Delete an OOMLimit if its pod no longer exists; return whether it was deleted."""


@dataclass(slots=True, eq=False)
class LimitSweep:
    """Checks all OOMLimits once a minute.

    Attributes:
        calls: The API calls.
        unreadable: Records the OOMLimits that cannot be checked, until they can or are deleted.
        sleep: Replaced in tests.
        progress: Time of the last check of an OOMLimit, or of a sweep (`time.monotonic`).
    """

    calls: OOMLimitCalls
    unreadable: UnreadableObjects
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    progress: float = 0.0
    _failed: dict[str, Manifest] = field(default_factory=dict)

    async def run(self) -> None:
        """Sweep until cancelled, whatever the API server answers."""
        while True:
            try:
                await self.sweep()
            except API_ERRORS as error:
                failure = classify_error(error)
                _LOG.warning(
                    "checking OOMLimits failed, retrying: %s",
                    failure.reason,
                    extra=about(error_keys(failure), kind=_KIND),
                )
            await self.sleep(EVERY_SECONDS)

    async def sweep(self) -> None:
        """Check each OOMLimit once.

        Raises:
            API_ERRORS: The API server is unavailable.
        """
        before, self._failed = self._failed, {}
        self.progress = time.monotonic()
        async for metadata in self.calls.list_metadata():
            self.progress = time.monotonic()
            await self._check(metadata)
            await self.sleep(1 / PER_SECOND)
        for name in before.keys() - self._failed.keys():
            self.unreadable.discard(_KIND, before[name])

    async def _check(self, metadata: Manifest) -> None:
        """Check one OOMLimit; one that cannot be read or deleted does not delay the others."""
        try:
            if await self.calls.delete_if_pod_gone(metadata):
                _LOG.debug(
                    "OOMLimit %s was deleted: its pod no longer exists",
                    metadata["name"],
                    extra=about_object(_KIND, {"metadata": metadata}, reason="Deleted"),
                )
        except API_ERRORS as error:
            found = classify_error(error)
            if found.server_wide:
                raise
            self._note_failure(metadata, error_keys(found))
        except Exception as error:  # noqa: BLE001 - a malformed object may raise anything
            why = describe_error(error)
            self._note_failure(metadata, {"reason": UNREADABLE, "error": why})

    def _note_failure(self, metadata: Manifest, keys: LogKeys) -> None:
        manifest = {"metadata": {"name": metadata.get("name")}}
        self._failed[str(metadata.get("name"))] = manifest
        why = keys.get("error")
        if self.unreadable.add(_KIND, manifest, why):
            _LOG.warning(
                "%s was not checked, retrying: %s",
                display_name(_KIND, manifest),
                why,
                extra=about_object(_KIND, manifest, keys),
            )
