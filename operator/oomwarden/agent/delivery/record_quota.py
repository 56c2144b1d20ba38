"""Quotas that outlive the agent, as SQL on its store: a restart is no new allowance."""

import json
import sqlite3
from dataclasses import dataclass, field

from oomwarden.core.quota.budget import Bucket, Budget, Rate, node_rates
from oomwarden.core.quota.budget_terms import LONGEST_QUIET_SECONDS, Terms, terms
from oomwarden.core.quota.pressure import Pressure


@dataclass(frozen=True, slots=True)
class QuotaOwner:
    """Who a record is charged to: a container (`key`: pod UID and name), its pod, its namespace."""

    key: str
    pod: str
    namespace: str


@dataclass(slots=True)
class RecordQuotas:
    """All budgets of a node, for one transaction; `now` in wall-clock seconds."""

    connection: sqlite3.Connection
    pressure: Pressure
    now: float
    _known: dict[str, Budget] = field(default_factory=dict)
    _terms: dict[str, Terms] = field(default_factory=dict)

    def terms(self, payer: QuotaOwner) -> Terms:
        """Give the terms of the payer's namespace."""
        if payer.namespace not in self._terms:
            self._terms[payer.namespace] = terms(self.pressure, payer.namespace)
        return self._terms[payer.namespace]

    def is_first(self, payer: QuotaOwner, since: float) -> bool:
        """Whether nothing was recorded of the pod for long, seen from `since` on."""
        last = self._get(payer.pod).last
        return not last or since - last >= self.terms(payer).quiet

    def due(self, payer: QuotaOwner, since: float) -> float:
        """Tell when the next record may go, whose first kill was at `since`: now, or later."""
        own = self._get(payer.key).due(self.now, self.terms(payer), since)
        return max(own, self._bucket_due(first=self.is_first(payer, since)))

    def soonest(self) -> float:
        """Tell when the node may write any record: now, or later."""
        return min(self._bucket_due(first=first) for first in (True, False))

    def served(self, namespace: str) -> float:
        """Tell when a record of the namespace went last; 0: not lately."""
        return self._get(_of_namespace(namespace)).last

    def spend(self, payer: QuotaOwner, since: float) -> bool:
        """Take a record's share, which must be due; tells whether it is one of the free ones."""
        own, agreed = self._get(payer.key), self.terms(payer)
        first = self.is_first(payer, since)
        self._put(payer.key, own.spend(self.now, agreed, since))
        for key in (payer.pod, _of_namespace(payer.namespace)):
            self._put(key, Budget(last=self.now))
        key, rate = self._which(first=first)
        after = self._bucket(key).spend(self.now, rate)
        self.connection.execute(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)",
            (key, json.dumps([after.tokens, after.since])),
        )
        return own.at(since, agreed).left(agreed) > 0

    def forget_quiet(self) -> None:
        """Drop the budgets that are as good as new at any level."""
        before = self.now - LONGEST_QUIET_SECONDS
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

    def _which(self, *, first: bool) -> tuple[str, Rate]:
        firsts, repeats = node_rates(self.pressure)
        return ("node_firsts", firsts) if first else ("node_repeats", repeats)

    def _bucket_due(self, *, first: bool) -> float:
        key, rate = self._which(first=first)
        return self._bucket(key).due(self.now, rate)

    def _bucket(self, key: str) -> Bucket:
        row = self.connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return Bucket(*json.loads(row[0])) if row else Bucket()


def _of_namespace(namespace: str) -> str:
    """Name the namespace's row; no UID and no UID with a name behind it looks like that."""
    return f"namespace:{namespace}"
