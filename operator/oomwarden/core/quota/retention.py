"""Which OOMKills to delete: by age, and by their number per pod, per namespace and in total."""

import heapq
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import chain

from msgspec import Struct
from msgspec import field as struct_field

from oomwarden.core.quota.pressure import YOUNG_SECONDS

DAY_SECONDS = 86_400.0


class RetentionBound(StrEnum):
    """The bound that a record exceeds."""

    AGE = "Age"
    POD = "Pod"
    NAMESPACE = "Namespace"
    CLUSTER = "Cluster"


class Bounds(Struct, frozen=True):
    """The retention limits; 0: no limit.

    Attributes:
        days: Age in days up to which records are kept.
        per_pod: How many records of a pod are kept.
        per_namespace: How many records of a namespace are kept.
        per_cluster: How many records are kept in total.
    """

    days: int = 30
    per_pod: int = 50
    per_namespace: int = 1000
    per_cluster: int = 50_000

    def __str__(self) -> str:
        limits = (
            f"{self.days} days" if self.days else "",
            f"{self.per_pod} per pod" if self.per_pod else "",
            f"{self.per_namespace} per namespace" if self.per_namespace else "",
            f"{self.per_cluster} in total" if self.per_cluster else "",
        )
        return ", ".join(filter(None, limits)) or "no limit"


@dataclass(frozen=True, slots=True, order=True)
class StoredRecord:
    """The metadata of an OOMKill that retention needs; older ones sort first.

    Attributes:
        created: When the API server created it (seconds).
        pod: The pod's UID, or a value of the record's own if it names no pod.
        exceeds: The bound because of which it is to be deleted; None if it is not.
    """

    created: float
    name: str
    namespace: str
    uid: str
    pod: str
    exceeds: RetentionBound | None = field(default=None, compare=False)


class Exempt(Struct, frozen=True):
    """Younger records are kept, however many there are. Ages are in seconds.

    Attributes:
        newest: For a pod's newest record, which shows an agent without a store up to which counter
            value kills are recorded.
        others: For all others.
    """

    newest: float = YOUNG_SECONDS
    others: float = YOUNG_SECONDS


class RetentionFilter(Struct):
    """Selects the records to delete. Records of a namespace may come in any order.

    A record that it returns would be deleted whatever records follow. It keeps twice the limit of a
    namespace in memory at most, or all records of one namespace if there is no limit. If a
    namespace comes again after another one, it is counted from zero, so at worst too many records
    are kept.

    Attributes:
        now: Current time in seconds.
        share: How many records a namespace may keep so that the cluster limit is respected
            (`RecordCounts.namespace_share`); None: no limit.
        exempt: Which records are too young to be deleted.
    """

    bounds: Bounds
    now: float
    share: int | None = None
    exempt: Exempt = struct_field(default_factory=Exempt)
    _namespace: str | None = None
    _pods: dict[str, list[StoredRecord]] = struct_field(default_factory=dict)
    _kept: int = 0

    def add(self, record: StoredRecord) -> list[StoredRecord]:
        """Add a record; return records to delete, including those of the previous namespace."""
        surplus = [] if record.namespace == self._namespace else self.finish()
        self._namespace = record.namespace
        if self.bounds.days and self._age(record) > self.bounds.days * DAY_SECONDS:
            return [*surplus, replace(record, exceeds=RetentionBound.AGE)]
        return surplus + self._count(record)

    def finish(self) -> list[StoredRecord]:
        """Return the remaining records of the namespace to delete, and start over."""
        surplus = self._cut()
        self._pods, self._kept = {}, 0
        return surplus

    @property
    def _most(self) -> int:
        """How many records of a namespace are kept; 0: all."""
        bounds = [self.bounds.per_namespace or None, self.share]
        return min((bound for bound in bounds if bound is not None), default=0)

    @property
    def _narrower(self) -> RetentionBound:
        """Which bound allows fewer records of a namespace."""
        own, share = self.bounds.per_namespace, self.share
        in_total = share is not None and (not own or share < own)
        return RetentionBound.CLUSTER if in_total else RetentionBound.NAMESPACE

    def _age(self, record: StoredRecord) -> float:
        return self.now - record.created

    def _count(self, record: StoredRecord) -> list[StoredRecord]:
        per_pod, most = self.bounds.per_pod, self._most
        if not (per_pod or most):
            return []
        pod = self._pods.setdefault(record.pod, [])
        heapq.heappush(pod, record)
        self._kept += 1
        surplus = []
        if per_pod and len(pod) > per_pod:
            oldest = replace(heapq.heappop(pod), exceeds=RetentionBound.POD)
            surplus += [oldest] if self._age(oldest) > self.exempt.others else []
            self._kept -= 1
        if most and self._kept >= 2 * most:
            surplus += self._cut()
        return surplus

    def _cut(self) -> list[StoredRecord]:
        """Keep the newest of the namespace; return the others that are old enough."""
        most = self._most
        if not most or self._kept <= most:
            return []
        newest = {max(pod) for pod in self._pods.values() if pod}
        kept = sorted(chain.from_iterable(self._pods.values()))
        surplus, stay = kept[:-most], kept[-most:]
        self._pods, self._kept = {}, len(stay)
        for record in stay:  # in order, so each list is a heap
            self._pods.setdefault(record.pod, []).append(record)
        old = (one for one in surplus if self._age(one) > self._exempt_age(one in newest))
        return [replace(one, exceeds=self._narrower) for one in old]

    def _exempt_age(self, is_newest: bool) -> float:  # noqa: FBT001
        return self.exempt.newest if is_newest else self.exempt.others
