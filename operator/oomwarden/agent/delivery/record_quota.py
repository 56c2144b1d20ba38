"""Record quotas, as SQL on the agent's store: a restart of the agent does not reset them."""

import json
import sqlite3
from dataclasses import dataclass, field

from msgspec import Struct

from oomwarden.core.quota.budget import Bucket, Budget, Rate, node_rates
from oomwarden.core.quota.budget_terms import MAX_RESET_SECONDS, Terms, terms
from oomwarden.core.quota.pressure import Pressure


class QuotaOwner(Struct, frozen=True):
    """What a record is charged to: a container, its pod and its namespace."""

    key: str
    """The container: pod UID and container name."""
    pod: str
    """The pod's UID."""
    namespace: str


@dataclass(slots=True)
class RecordQuotas:
    """All budgets of a node, for one transaction."""

    connection: sqlite3.Connection
    pressure: Pressure
    now: float
    """Wall-clock seconds."""
    _known: dict[str, Budget] = field(default_factory=dict)
    _terms: dict[str, Terms] = field(default_factory=dict)
    _buckets: dict[str, Bucket] = field(default_factory=dict)
    _rates: tuple[Rate, Rate] = field(init=False)

    def __post_init__(self) -> None:
        self._rates = node_rates(self.pressure)

    def terms(self, owner: QuotaOwner) -> Terms:
        """Return the terms of the owner's namespace."""
        if owner.namespace not in self._terms:
            self._terms[owner.namespace] = terms(self.pressure, owner.namespace)
        return self._terms[owner.namespace]

    def is_first(self, owner: QuotaOwner, since: float) -> bool:
        """Return whether the pod had no record for a long time before `since`."""
        last = self._get(owner.pod).last
        return not last or since - last >= self.terms(owner).reset_after

    def due(self, owner: QuotaOwner, since: float) -> float:
        """Return from when on a record whose first kill was at `since` may be posted."""
        own = self._get(owner.key).due(self.now, self.terms(owner), since)
        return max(own, self._bucket_due(first=self.is_first(owner, since)))

    def node_due(self) -> float:
        """Return from when on the node may write any record."""
        return min(self._bucket_due(first=first) for first in (True, False))

    def last_released(self, namespace: str) -> float:
        """Return when a record of the namespace was last released; 0 if not recently."""
        return self._get(_of_namespace(namespace)).last

    def spend(self, owner: QuotaOwner, since: float) -> bool:
        """Charge a record that is due; return whether it is one of the free ones."""
        own, agreed = self._get(owner.key), self.terms(owner)
        first = self.is_first(owner, since)
        self._put(owner.key, own.spend(self.now, agreed, since))
        for key in (owner.pod, _of_namespace(owner.namespace)):
            self._put(key, Budget(last=self.now))
        key, rate = self._node_rate(first=first)
        after = self._buckets[key] = self._bucket(key).spend(self.now, rate)
        self.connection.execute(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)",
            (key, json.dumps([after.tokens, after.since])),
        )
        return own.at(since, agreed).free_left(agreed) > 0

    def forget_quiet(self) -> None:
        """Delete the budgets that have recovered fully at every pressure level."""
        before = self.now - MAX_RESET_SECONDS
        self.connection.execute("DELETE FROM budgets WHERE last <= ?", (before,))

    def _get(self, key: str) -> Budget:
        if key not in self._known:
            select = "SELECT free, wait, last FROM budgets WHERE key = ?"
            row = self.connection.execute(select, (key,)).fetchone()
            self._known[key] = Budget(*row) if row else Budget()
        return self._known[key]

    def _put(self, key: str, budget: Budget) -> None:
        self._known[key] = budget
        self.connection.execute(
            "INSERT OR REPLACE INTO budgets VALUES (?, ?, ?, ?)",
            (key, budget.free, budget.wait, budget.last),
        )

    def _node_rate(self, *, first: bool) -> tuple[str, Rate]:
        firsts, repeats = self._rates
        return ("node_firsts", firsts) if first else ("node_repeats", repeats)

    def _bucket_due(self, *, first: bool) -> float:
        key, rate = self._node_rate(first=first)
        return self._bucket(key).due(self.now, rate)

    def _bucket(self, key: str) -> Bucket:
        if key not in self._buckets:
            select = "SELECT value FROM meta WHERE key = ?"
            row = self.connection.execute(select, (key,)).fetchone()
            self._buckets[key] = Bucket(*json.loads(row[0])) if row else Bucket()
        return self._buckets[key]


def _of_namespace(namespace: str) -> str:
    """Return the key of a namespace's row; no key of a pod or container has this prefix."""
    return f"namespace:{namespace}"
