"""OOMKills that wait for a response: a few fields of each, in turn by namespace, within bounds."""

import json
from collections import deque
from typing import Any

from msgspec import Struct, field

from oomwarden.core.limits.fair_queue import FairQueue
from oomwarden.core.objects.json_parts import Json

MAX_PER_NAMESPACE = 200
MAX_KILLS = 20_000
"""Of all namespaces. If there are many, each one gets an equal share."""
MAX_COUNTED = 1_000
"""Namespaces for which dropped kills are counted individually."""
MAX_BYTES = 4096
"""Per kill. A typical one takes 600, one whose names all have their maximum length 3,500."""
_METADATA = ("namespace", "name", "creationTimestamp")
_NOT_NEEDED = {"apiVersion", "kind", "metadata", "victims", "memory", "podMemory", "numa", "status"}


def compact_kill(manifest: Json) -> bytes:
    """Serialise the fields of an OOMKill that core.limits reads.

    Raises:
        ValueError: They are larger than any agent writes.
    """
    metadata = manifest.get("metadata") or {}
    fields = {key: manifest[key] for key in manifest if key not in _NOT_NEEDED}
    fields["metadata"] = {key: metadata.get(key) for key in _METADATA}
    if isinstance(evidence := fields.get("evidence"), dict):
        fields["evidence"] = {key: evidence[key] for key in evidence if key != "containers"}
    text = json.dumps(fields, ensure_ascii=False).encode(errors="backslashreplace")
    if len(text) > MAX_BYTES:
        raise ValueError(f"its fields take {len(text)} bytes, more than {MAX_BYTES}")
    return text


class RecentKillQueue(Struct):
    """Kills by namespace, the oldest first.

    A namespace has one turn at a time, and its next one only after `done`.

    Attributes:
        dropped: How many kills were dropped for lack of room.
        dropped_by_namespace: The same by namespace, for the first namespaces that dropped some.
    """

    dropped: int = 0
    dropped_by_namespace: dict[str, int] = field(default_factory=dict)
    _by_namespace: dict[str, deque[bytes]] = field(default_factory=dict)
    _turns: FairQueue[str] = field(default_factory=FairQueue)
    _busy: set[str] = field(default_factory=set)

    def put(self, manifest: Json, now: float) -> bool:
        """Add a kill; if its namespace has too many, drop the oldest of them.

        Returns:
            Whether there was room.

        Raises:
            ValueError: The kill is larger than any agent writes.
        """
        one = compact_kill(manifest)
        namespace = str((manifest.get("metadata") or {}).get("namespace"))
        queue = self._by_namespace.setdefault(namespace, deque())
        queue.append(one)
        share = max(MAX_KILLS // len(self._by_namespace), 1)
        fits = len(queue) <= min(MAX_PER_NAMESPACE, share)
        if not fits:
            queue.popleft()
            self._drop(namespace)
        if namespace not in self._busy:
            self._turns.put(namespace, now)
        return fits

    def _drop(self, namespace: str) -> None:
        self.dropped += 1
        if namespace in self.dropped_by_namespace or len(self.dropped_by_namespace) < MAX_COUNTED:
            self.dropped_by_namespace[namespace] = self.dropped_by_namespace.get(namespace, 0) + 1

    def next(self, now: float) -> tuple[str, dict[str, Any]] | None:
        """Start a namespace's turn and return its oldest kill; None if nothing is waiting."""
        if (namespace := self._turns.pop(now)) is None:
            return None
        self._busy.add(namespace)
        found: dict[str, Any] = json.loads(self._by_namespace[namespace].popleft())
        return namespace, found

    def done(self, namespace: str, now: float) -> None:
        """End a namespace's turn."""
        self._busy.discard(namespace)
        if self._by_namespace.get(namespace):
            self._turns.put(namespace, now)
        else:
            self._by_namespace.pop(namespace, None)

    def __len__(self) -> int:
        return sum(map(len, self._by_namespace.values()))
