"""Delete many OOMKills concurrently, at the rate that the API server sustains.

The first batch has one record; each batch that succeeds makes the next one larger by one. When the
API server asks for a pause or fails, the next batch has half as many. Records are deleted by UID.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from oomwarden.core.quota.retention import StoredRecord
from oomwarden.kube.oomkill_pages import DeletionRefusedError
from oomwarden.kube.transport.errors import API_ERRORS, classify_error

MAX_BATCH = 50
PAUSE_SECONDS = 0.05
"""After a batch, so that there are at most 1,000 deletions a second."""
TRIES = 5
FIRST_WAIT_SECONDS, MAX_WAIT_SECONDS = 1.0, 60.0


class DeleteCalls(Protocol):
    """The required API call; it may raise one of kube.transport.errors.API_ERRORS."""

    async def delete(self, record: StoredRecord) -> bool:
        """Delete a record; return False if it no longer existed.

        Raises:
            DeletionRefusedError: The API server refuses to delete this record.
        """


@dataclass(slots=True)
class Deletions:
    """The deletions of one round.

    Attributes:
        calls: The API call.
        sleep: Replaced in tests.
        deleted: How many records were deleted.
        by_bound: The same by the bound that they exceeded.
        refused: UIDs of records whose deletion was refused.
        reasons: The first reason for a refusal, by namespace.
    """

    calls: DeleteCalls
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    deleted: int = 0
    by_bound: Counter[str] = field(default_factory=Counter)
    refused: set[str] = field(default_factory=set)
    reasons: dict[str, str] = field(default_factory=dict)
    _batch_size: int = 1

    async def delete(self, records: Iterable[StoredRecord]) -> None:
        """Delete records; those that were refused before are skipped.

        Raises:
            API_ERRORS: The API server did not recover within a few retries.
        """
        queue = deque(one for one in records if one.uid not in self.refused)
        tries = 0
        while queue:
            batch = [queue.popleft() for _ in range(min(self._batch_size, len(queue)))]
            errors = await asyncio.gather(*map(self._delete_one, batch))
            failed = [(one, error) for one, error in zip(batch, errors, strict=True) if error]
            if not failed:
                self._batch_size, tries = min(self._batch_size + 1, MAX_BATCH), 0
                await self.sleep(PAUSE_SECONDS)
                continue
            tries += 1
            queue.extendleft(one for one, _ in failed)
            await self._back_off([error for _, error in failed], tries)

    async def _delete_one(self, record: StoredRecord) -> Exception | None:
        """Delete a record; return the API server's failure if it has to be retried."""
        try:
            deleted = await self.calls.delete(record)
            self.deleted += deleted  # after the await: others add to it meanwhile
            if record.exceeds:
                self.by_bound[record.exceeds] += deleted
        except DeletionRefusedError as error:
            self.refused.add(record.uid)
            self.reasons.setdefault(record.namespace, str(error))
        except API_ERRORS as error:
            return error
        return None

    async def _back_off(self, errors: list[Exception], tries: int) -> None:
        if tries >= TRIES:
            raise errors[0]
        self._batch_size = max(self._batch_size // 2, 1)
        asked = max(classify_error(error).retry_after for error in errors)
        wait = FIRST_WAIT_SECONDS * 2 ** (tries - 1) * random.uniform(0.75, 1.25)  # noqa: S311
        await self.sleep(min(max(wait, asked), MAX_WAIT_SECONDS))
