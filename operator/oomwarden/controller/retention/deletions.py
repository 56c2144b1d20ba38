"""Deletes many records: side by side, as many as the API server bears.

It begins with one and adds one after each batch that went well. When the API server asks for a
pause, or is in trouble, half as many are tried after it. Each is deleted by its uid.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from oomwarden.core.quota.retention import StoredRecord
from oomwarden.kube.oomkill_pages import RefusedError
from oomwarden.kube.transport.errors import API_ERRORS, failure

AT_ONCE = 50
PAUSE_SECONDS = 0.05
"""After a batch, so that a second has 1,000 deletions at most."""
TRIES = 5
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 60.0


class Deletable(Protocol):
    """The call that is needed; it may raise one of kube.errors.API_ERRORS."""

    async def delete(self, record: StoredRecord) -> bool:
        """Delete a record; False: it was gone; raises RefusedError."""


@dataclass(slots=True)
class Deletions:
    """Of one round: how many went; `refused` by uid, `reasons` by namespace."""

    stored: Deletable
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    deleted: int = 0
    refused: set[str] = field(default_factory=set)
    reasons: dict[str, str] = field(default_factory=dict)
    _window: int = 1

    async def delete(self, records: Iterable[StoredRecord]) -> None:
        """Delete these; those that were refused before are passed over.

        Raises:
            API_ERRORS: the API server did not recover within some tries.
        """
        queue = deque(one for one in records if one.uid not in self.refused)
        tries = 0
        while queue:
            batch = [queue.popleft() for _ in range(min(self._window, len(queue)))]
            errors = await asyncio.gather(*map(self._try, batch))
            failed = [(one, error) for one, error in zip(batch, errors, strict=True) if error]
            if not failed:
                self._window, tries = min(self._window + 1, AT_ONCE), 0
                await self.sleep(PAUSE_SECONDS)
                continue
            tries += 1
            queue.extendleft(one for one, _ in failed)
            await self._back_off([error for _, error in failed], tries)

    async def _try(self, record: StoredRecord) -> Exception | None:
        """Give what went wrong with the API server itself; the record is to be tried again."""
        try:
            gone = await self.stored.delete(record)
            self.deleted += gone  # in one step: others are added meanwhile
        except RefusedError as error:
            self.refused.add(record.uid)
            self.reasons.setdefault(record.namespace, str(error))
        except API_ERRORS as error:
            return error
        return None

    async def _back_off(self, errors: list[Exception], tries: int) -> None:
        if tries >= TRIES:
            raise errors[0]
        self._window = max(self._window // 2, 1)
        asked = max(failure(error).after for error in errors)
        wait = FIRST_WAIT_SECONDS * 2 ** (tries - 1) * random.uniform(0.75, 1.25)  # noqa: S311
        await self.sleep(min(max(wait, asked), LONGEST_WAIT_SECONDS))
