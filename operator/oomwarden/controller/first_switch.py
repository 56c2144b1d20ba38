"""The operator makes the switch once in the life of an installation, at Enforce."""

import asyncio
import logging
from typing import Protocol

from oomwarden.core.model.mode import EnforcementMode
from oomwarden.kube.transport.errors import API_ERRORS, failure

FIRST_WAIT_SECONDS, LAST_WAIT_SECONDS = 2.0, 60.0
_DELETED = (
    "ConfigMap oomwarden-control was deleted: agents change nothing until it is there again, as by "
    "`kubectl create configmap oomwarden-control --from-literal=mode=Enforce` in this namespace"
)
_LOG = logging.getLogger(__name__)


class ModeCalls(Protocol):
    """The calls that are needed; each raises one of kube.errors.API_ERRORS."""

    async def exists(self) -> bool:
        """Whether there is a switch."""

    async def make(self, mode: EnforcementMode) -> None:
        """Make the switch."""

    async def was_made(self, account: str) -> bool:
        """Whether this installation has had one."""

    async def note_made(self, account: str) -> None:
        """Note that it has had one."""


class InitialMode:
    """Makes the switch where there was none yet, and never again: whoever deleted it meant Pause.

    Args:
        calls: On the API server.
        account: The operator's ServiceAccount, which says what this installation has had.
    """

    def __init__(self, calls: ModeCalls, account: str) -> None:
        self._calls = calls
        self._account = account
        self._settled = False
        self._seen = False

    async def run(self) -> None:
        """Try until it is settled."""
        wait = FIRST_WAIT_SECONDS
        while not self._settled:
            await asyncio.sleep(wait)
            wait = min(2 * wait, LAST_WAIT_SECONDS)
            await self.attempt()

    async def attempt(self) -> None:
        """Try once; what stands in the way is logged with its consequence."""
        try:
            await self._settle()
            self._settled = True
        except API_ERRORS as error:
            _LOG.warning(
                "whether ConfigMap oomwarden-control has to be made is not known: %s; while there "
                "is none, agents change nothing",
                failure(error).reason,
            )

    async def _settle(self) -> None:
        was_made = await self._calls.was_made(self._account)
        if await self._calls.exists():
            self._seen = True
        elif was_made or self._seen:
            _LOG.warning(_DELETED)
            return
        else:
            await self._calls.make(EnforcementMode.ENFORCE)
            self._seen = True
        if not was_made:
            await self._calls.note_made(self._account)
