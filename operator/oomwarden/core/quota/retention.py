"""Which OOMKills have to go: by age, and by number in a pod, in a namespace and in all."""

import heapq
from dataclasses import dataclass, field
from itertools import chain

from oomwarden.core.quota.pressure import YOUNG_SECONDS

DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What stays, at most; 0: no bound."""

    days: int = 30
    per_pod: int = 50
    per_namespace: int = 1000
    per_cluster: int = 50_000

    def __str__(self) -> str:
        told = (
            f"{self.days} days" if self.days else "",
            f"{self.per_pod} of a pod" if self.per_pod else "",
            f"{self.per_namespace} of a namespace" if self.per_namespace else "",
            f"{self.per_cluster} in all" if self.per_cluster else "",
        )
        return ", ".join(filter(None, told)) or "all for ever"


@dataclass(frozen=True, slots=True, order=True)
class StoredRecord:
    """What is kept in mind of an OOMKill; older ones sort first.

    `created` in seconds, as the API server stamped it; `pod` is the pod's UID, or whatever is the
    record's own where it names none.
    """

    created: float
    name: str
    namespace: str
    uid: str
    pod: str


@dataclass(frozen=True, slots=True)
class Exempt:
    """Younger records stay whatever the numbers; ages in seconds.

    `newest`: a pod's newest record, which tells an agent without a store up to where kills are
    told; `others`: all others.
    """

    newest: float = YOUNG_SECONDS
    others: float = YOUNG_SECONDS


@dataclass(slots=True)
class RetentionFilter:
    """Takes all records in any order within a namespace, gives those that have to go.

    What it gives, no later record could save. It holds twice the bound of a namespace at most,
    or all of one namespace where there is no such bound. A namespace that comes up again after
    another one is counted anew, so at worst too many stay. `now` in seconds. `share` is what a
    namespace may have of the bound on all (core.census), None: as much as it likes.
    """

    bounds: Bounds
    now: float
    share: int | None = None
    exempt: Exempt = field(default_factory=Exempt)
    _namespace: str | None = None
    _pods: dict[str, list[StoredRecord]] = field(default_factory=dict)
    _held: int = 0

    def take(self, record: StoredRecord) -> list[StoredRecord]:
        """Add a record; gives records, also of the namespace before, that have to go."""
        gone = [] if record.namespace == self._namespace else self.end()
        self._namespace = record.namespace
        if self.bounds.days and self._age(record) > self.bounds.days * DAY_SECONDS:
            return [*gone, record]
        return gone + self._count(record)

    def end(self) -> list[StoredRecord]:
        """Give what is left to go of the namespace, and forget it."""
        gone = self._cut()
        self._pods, self._held = {}, 0
        return gone

    @property
    def _most(self) -> int:
        """Give how many of a namespace may stay; 0: all."""
        bounds = [self.bounds.per_namespace or None, self.share]
        return min((bound for bound in bounds if bound is not None), default=0)

    def _age(self, record: StoredRecord) -> float:
        return self.now - record.created

    def _count(self, record: StoredRecord) -> list[StoredRecord]:
        per_pod, most = self.bounds.per_pod, self._most
        if not (per_pod or most):
            return []
        pod = self._pods.setdefault(record.pod, [])
        heapq.heappush(pod, record)
        self._held += 1
        gone = []
        if per_pod and len(pod) > per_pod:
            oldest = heapq.heappop(pod)
            gone += [oldest] if self._age(oldest) > self.exempt.others else []
            self._held -= 1
        if most and self._held >= 2 * most:
            gone += self._cut()
        return gone

    def _cut(self) -> list[StoredRecord]:
        """Keep the newest of the namespace; gives the others, as far as they are old enough."""
        most = self._most
        if not most or self._held <= most:
            return []
        newest = {max(pod) for pod in self._pods.values() if pod}
        held = sorted(chain.from_iterable(self._pods.values()))
        gone, stay = held[:-most], held[-most:]
        self._pods, self._held = {}, len(stay)
        for record in stay:  # in order, so each list is a heap
            self._pods.setdefault(record.pod, []).append(record)
        return [one for one in gone if self._age(one) > self._exempt_age(one in newest)]

    def _exempt_age(self, is_newest: bool) -> float:  # noqa: FBT001
        return self.exempt.newest if is_newest else self.exempt.others
