"""Create the enforcement mode's ConfigMap once per installation, with mode Enforce."""

import asyncio
import logging
from typing import Protocol

from oomwarden.core.log_line.keys import about
from oomwarden.core.model.mode import MODE_CONFIGMAP, EnforcementMode
from oomwarden.kube.transport.errors import API_ERRORS, classify_error, error_keys

FIRST_WAIT_SECONDS, LAST_WAIT_SECONDS = 2.0, 60.0
_DELETED = (
    "ConfigMap oomwarden-control was deleted. Agents change nothing until it exists again; to "
    "create it in this namespace: "
    "kubectl create configmap oomwarden-control --from-literal=mode=Enforce"
)
_LOG = logging.getLogger(__name__)


class ModeCalls(Protocol):
    """Required API calls; each may raise one of kube.transport.errors.API_ERRORS."""

    async def exists(self) -> bool:
        """Return whether the ConfigMap exists."""

    async def create(self, mode: EnforcementMode) -> None:
        """Create the ConfigMap."""

    async def was_created(self, account: str) -> bool:
        """Return whether this installation has had the ConfigMap."""

    async def mark_created(self, account: str) -> None:
        """Record that this installation has had the ConfigMap."""


class InitialMode:
    """Creates the ConfigMap if the installation never had one; a deleted one means Pause.

    Args:
        calls: The API calls.
        account: The operator's ServiceAccount, which records that the ConfigMap was created.
    """

    def __init__(self, calls: ModeCalls, account: str) -> None:
        self._calls = calls
        self._account = account
        self._settled = False
        self._seen = False

    async def run(self) -> None:
        """Retry with back-off until the ConfigMap is created or known to have existed."""
        wait = FIRST_WAIT_SECONDS
        while not self._settled:
            await asyncio.sleep(wait)
            wait = min(2 * wait, LAST_WAIT_SECONDS)
            await self.attempt()

    async def attempt(self) -> None:
        """Try once, and log what prevents it."""
        try:
            await self._settle()
            self._settled = True
        except API_ERRORS as error:
            failure = classify_error(error)
            _LOG.warning(
                "ConfigMap oomwarden-control could not be checked or created, retrying: %s; "
                "agents change nothing while it does not exist",
                failure.reason,
                extra=about(error_keys(failure), kind="ConfigMap", name=MODE_CONFIGMAP),
            )

    async def _settle(self) -> None:
        was_made = await self._calls.was_created(self._account)
        if await self._calls.exists():
            self._seen = True
        elif was_made or self._seen:
            _LOG.warning(
                _DELETED, extra=about(kind="ConfigMap", name=MODE_CONFIGMAP, reason="Missing")
            )
            return
        else:
            await self._calls.create(EnforcementMode.ENFORCE)
            self._seen = True
        if not was_made:
            await self._calls.mark_created(self._account)
