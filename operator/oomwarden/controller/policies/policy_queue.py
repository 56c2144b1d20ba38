"""The work queue of policies whose status has to be computed, as in client-go."""

import asyncio
from collections.abc import Iterable

from oomwarden.core.policy.policy import PolicyKey


class PolicyQueue:
    """Holds each policy once, however often it is added before it is processed."""

    def __init__(self) -> None:
        self._due = dict[PolicyKey, None]()  # an ordered set
        self._delayed = set[PolicyKey]()
        self._wake = asyncio.Event()

    def add(self, keys: Iterable[PolicyKey]) -> None:
        """Add policies."""
        self._due.update(dict.fromkeys(keys))
        if self._due:
            self._wake.set()

    def add_after(self, key: PolicyKey, seconds: float) -> None:
        """Add a policy later, unless that was already requested."""
        if key not in self._delayed:
            self._delayed.add(key)
            asyncio.get_running_loop().call_later(seconds, self._add_delayed, key)

    def _add_delayed(self, key: PolicyKey) -> None:
        self._delayed.discard(key)
        self.add([key])

    def __len__(self) -> int:
        return len(self._due.keys() | self._delayed)

    async def wait(self) -> None:
        """Wait until a policy is in the queue."""
        await self._wake.wait()

    def drain(self) -> list[PolicyKey]:
        """Remove and return all policies, the one that waits longest first."""
        self._wake.clear()
        due, self._due = self._due, {}
        return list(due)
