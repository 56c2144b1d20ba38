"""A model of what etcd stores of OOMKills, Events and OOMNodes over time."""

from collections import deque
from dataclasses import dataclass, field

from oomwarden.core.quota.retention import StoredRecord

from bench.etcd_sizes import Sizes
from bench.fleet import WrittenRecord

COMPACTED_SECONDS = 600.0
EVENT_SECONDS = 3600.0
COUNTS_SECONDS = 120.0
"""Interval of OOMNode writes on a node whose kill counts keep rising."""
MIB = 1 << 20


@dataclass(slots=True)
class EtcdStore:
    """What is stored, in bytes; times in wall-clock seconds."""

    sizes: Sizes
    nodes: int
    records: dict[str, tuple[StoredRecord, int]] = field(default_factory=dict)
    live: int = 0
    events: dict[str, float] = field(default_factory=dict)
    dead: deque[tuple[float, int]] = field(default_factory=deque)
    dying: int = 0
    made: int = 0
    spans: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    _serial: int = 0
    _latest: dict[str, str] = field(default_factory=dict)

    def create(self, now: float, made: WrittenRecord) -> None:
        """Store an OOMKill and its Event, which is new or continues an earlier series."""
        self._serial += 1
        name, lean = f"{made.pod.name}-{made.start}", made.agreed.reason is not None
        sizes = self.sizes
        size = sizes.first if made.first else sizes.lean if lean else sizes.merged
        record = StoredRecord(now // 1, name, made.pod.namespace, str(self._serial), made.pod.name)
        self.records[record.uid] = (record, size)
        self.live += size
        self.made += 1
        self.spans.setdefault(made.pod.name, []).append((made.start, made.end))
        latest = self._latest.get(made.pod.name)
        if latest is None or made.own_event or self.events.get(latest, 0) < now:
            self._latest[made.pod.name] = latest = name
        else:
            self.supersede(now, sizes.event)
        self.events[latest] = now + EVENT_SECONDS

    def delete(self, now: float, uid: str) -> bool:
        """Delete an OOMKill; its last revision stays until etcd is compacted."""
        record, size = self.records.pop(uid, (None, 0))
        self.live -= size
        if record is not None:
            self.supersede(now, size)
        return record is not None

    def supersede(self, now: float, size: int) -> None:
        """Record that a revision of this size is no longer the newest."""
        self.dead.append((now, size))
        self.dying += size

    def mebibytes(self, now: float) -> tuple[float, float, float]:
        """Return the MiB of OOMKills, of Events, and of OOMNodes with old revisions."""
        while self.dead and self.dead[0][0] < now - COMPACTED_SECONDS:
            self.dying -= self.dead.popleft()[1]
        for name in [name for name, end in self.events.items() if end < now]:
            del self.events[name]
            self.supersede(now, self.sizes.event)
        nodes = self.nodes * self.sizes.node * (1 + COMPACTED_SECONDS / COUNTS_SECONDS)
        return (
            self.live / MIB,
            len(self.events) * self.sizes.event / MIB,
            (self.dying + nodes) / MIB,
        )
