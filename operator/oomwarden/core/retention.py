"""Which OOMKills have to go: by age, and by number in a pod and in a namespace."""

import heapq
from dataclasses import dataclass, field
from itertools import chain

DAY_SECONDS = 86_400.0
YOUNG_SECONDS = 3_600.0
"""A record this young stays whatever the numbers: its agent may not know yet that it was stored,
and looks for it when it posts it again."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What stays, at most; 0: no bound."""

    days: int = 30
    per_pod: int = 50
    per_namespace: int = 1000

    def __str__(self) -> str:
        told = (
            f"{self.days} days" if self.days else "",
            f"{self.per_pod} of a pod" if self.per_pod else "",
            f"{self.per_namespace} of a namespace" if self.per_namespace else "",
        )
        return ", ".join(filter(None, told)) or "all for ever"


@dataclass(frozen=True, slots=True, order=True)
class Record:
    """What is kept in mind of an OOMKill; older ones sort first.

    `created` in seconds, as the API server stamped it; `pod` is the pod's UID, or whatever is the
    record's own where it names none.
    """

    created: float
    name: str
    namespace: str
    uid: str
    pod: str


@dataclass(slots=True)
class Sieve:
    """Takes all records in any order within a namespace, gives those that have to go.

    What it gives, no later record could save. It holds twice the bound of a namespace at most,
    or all of one namespace where there is no such bound. A namespace that comes up again after
    another one is counted anew, so at worst too many stay. `now` in seconds.
    """

    bounds: Bounds
    now: float
    _namespace: str | None = None
    _pods: dict[str, list[Record]] = field(default_factory=dict)
    _held: int = 0

    def take(self, record: Record) -> list[Record]:
        """Add a record; gives records, also of the namespace before, that have to go."""
        gone = [] if record.namespace == self._namespace else self.end()
        self._namespace = record.namespace
        if self.bounds.days and self.now - record.created > self.bounds.days * DAY_SECONDS:
            return [*gone, record]
        return gone + self._settled(self._count(record))

    def end(self) -> list[Record]:
        """Give what is left to go of the namespace, and forget it."""
        gone = self._settled(self._newest())
        self._pods, self._held = {}, 0
        return gone

    def _count(self, record: Record) -> list[Record]:
        bounds = self.bounds
        if not (bounds.per_pod or bounds.per_namespace):
            return []
        pod = self._pods.setdefault(record.pod, [])
        heapq.heappush(pod, record)
        self._held += 1
        gone = []
        if bounds.per_pod and len(pod) > bounds.per_pod:
            gone.append(heapq.heappop(pod))
            self._held -= 1
        if bounds.per_namespace and self._held >= 2 * bounds.per_namespace:
            gone += self._newest()
        return gone

    def _newest(self) -> list[Record]:
        """Keep the newest of the namespace; gives the others."""
        if not self.bounds.per_namespace or self._held <= self.bounds.per_namespace:
            return []
        held = sorted(chain.from_iterable(self._pods.values()))
        gone, stay = held[: -self.bounds.per_namespace], held[-self.bounds.per_namespace :]
        self._pods, self._held = {}, len(stay)
        for record in stay:  # in order, so each list is a heap
            self._pods.setdefault(record.pod, []).append(record)
        return gone

    def _settled(self, records: list[Record]) -> list[Record]:
        return [one for one in records if self.now - one.created > YOUNG_SECONDS]
