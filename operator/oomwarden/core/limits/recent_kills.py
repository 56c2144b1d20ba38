"""OOMKills that wait for an answer: a few fields of each, in turn by namespace, within bounds."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from oomwarden.core.limits.turns import FairQueue

MOST_OF_A_NAMESPACE = 200
MOST = 20_000
"""Of all namespaces; where there are so many, each has its share."""
MOST_COUNTED = 1_000
"""Namespaces of which dropped kills are counted by themselves."""
MOST_BYTES = 4096
"""Of what is kept of one; a usual one has 600, one with all names at their longest 3,500."""
_METADATA = ("namespace", "name", "creationTimestamp")
_NOT_NEEDED = {"apiVersion", "kind", "metadata", "victims", "memory", "podMemory", "numa", "status"}

Manifest = Mapping[str, Any]


def kept(manifest: Manifest) -> bytes:
    """Keep of an OOMKill what core.raising and core.response ask for.

    Raises:
        ValueError: that is more than any agent writes.
    """
    metadata = manifest.get("metadata") or {}
    fields = {key: manifest[key] for key in manifest if key not in _NOT_NEEDED}
    fields["metadata"] = {key: metadata.get(key) for key in _METADATA}
    if isinstance(evidence := fields.get("evidence"), dict):
        fields["evidence"] = {key: evidence[key] for key in evidence if key != "containers"}
    text = json.dumps(fields, ensure_ascii=False).encode(errors="backslashreplace")
    if len(text) > MOST_BYTES:
        raise ValueError(f"what is needed of it has {len(text)} bytes, more than {MOST_BYTES}")
    return text


@dataclass(slots=True)
class RecentKillQueue:
    """Kills by namespace, the oldest first; `dropped` counts those without room.

    `dropped_of` does so by namespace, for the first namespaces that had some.
    A namespace has one turn at a time, and its next one only after `again`.
    """

    dropped: int = 0
    dropped_of: dict[str, int] = field(default_factory=dict)
    _by_namespace: dict[str, deque[bytes]] = field(default_factory=dict)
    _turns: FairQueue[str] = field(default_factory=FairQueue)
    _busy: set[str] = field(default_factory=set)

    def put(self, manifest: Manifest, now: float) -> bool:
        """Take a kill; False: the namespace has too many, so that its oldest one goes.

        Raises:
            ValueError: it is larger than any agent writes.
        """
        namespace, one = str((manifest.get("metadata") or {}).get("namespace")), kept(manifest)
        queue = self._by_namespace.setdefault(namespace, deque())
        queue.append(one)
        share = max(MOST // len(self._by_namespace), 1)
        fits = len(queue) <= min(MOST_OF_A_NAMESPACE, share)
        if not fits:
            queue.popleft()
            self._drop(namespace)
        if namespace not in self._busy:
            self._turns.put(namespace, now)
        return fits

    def _drop(self, namespace: str) -> None:
        self.dropped += 1
        if namespace in self.dropped_of or len(self.dropped_of) < MOST_COUNTED:
            self.dropped_of[namespace] = self.dropped_of.get(namespace, 0) + 1

    def next(self, now: float) -> tuple[str, dict[str, Any]] | None:
        """Give a namespace's oldest kill; None: nothing waits."""
        if (namespace := self._turns.take(now)) is None:
            return None
        self._busy.add(namespace)
        found: dict[str, Any] = json.loads(self._by_namespace[namespace].popleft())
        return namespace, found

    def again(self, namespace: str, now: float) -> None:
        """Take back a turn that was given."""
        self._busy.discard(namespace)
        if self._by_namespace.get(namespace):
            self._turns.put(namespace, now)
        else:
            self._by_namespace.pop(namespace, None)

    def __len__(self) -> int:
        return sum(map(len, self._by_namespace.values()))
