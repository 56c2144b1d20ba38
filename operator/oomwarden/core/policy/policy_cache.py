"""Which policies an agent caches: those that rank first, within bounds of memory.

A policy that ranks behind one that is left out is left out too. Otherwise it would win containers
that it should not govern.
"""

import json
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from msgspec import Struct, field

from oomwarden.core.policy.matching import rank
from oomwarden.core.policy.policy import NAMESPACED, Policy, PolicyKey, parse_policy

MAX_POLICIES = 500
"""Per namespace, and for all ClusterOOMPolicies: each one is matched against every container."""
NAMESPACE_BYTES = 8 << 20
"""The same, in bytes: some 20 policies of the largest size that the schema allows."""
NODE_BYTES = 32 << 20
"""For all namespaces together. Those with the most policies give way first."""
MAX_NAMED = 20
"""Policies that are left out and named; the others are only counted."""
MAX_COUNTED = 10_000
_EACH, _A_BYTE = 2048, 5
"""Bytes of memory per policy, and per byte of its spec in JSON (measured with Python 3.11)."""

Rank = tuple[int, int, int, str]
Content = Policy | str


class CachedPolicy(NamedTuple):
    """A policy, or why it is invalid.

    Attributes:
        rank: Its rank among the policies of its namespace.
        key: Its identity.
        content: The policy, or the reason why it is invalid.
        generation: Its metadata.generation.
        weight: Memory that it takes, in bytes.
    """

    rank: Rank
    key: PolicyKey
    content: Content
    generation: int
    weight: int


def cached_policy(kind: str, key: PolicyKey, manifest: Mapping[str, Any]) -> CachedPolicy:
    """Parse a manifest. An invalid one ranks behind all valid ones."""
    content = _parsed(kind, manifest)
    generation = manifest["metadata"].get("generation", 0)
    if isinstance(content, str):
        place: Rank = (1, 0, 0, key[2])
        return CachedPolicy(place, key, content, generation, _weight(content))
    weight = _weight(json.dumps(manifest.get("spec"), ensure_ascii=False))
    return CachedPolicy((0, *rank(content)), key, content, generation, weight)


def _weight(text: str) -> int:
    return _EACH + _A_BYTE * len(text.encode(errors="surrogatepass"))


def unparsed_policy(kind: str, key: PolicyKey, manifest: Mapping[str, Any]) -> CachedPolicy:
    """Rank a manifest without parsing it: 1,000 of the largest take 10 s to parse."""
    spec = manifest.get("spec")
    fields = spec if isinstance(spec, dict) else {}
    priority = fields.get("priority")
    tier = 1 if kind == NAMESPACED else 2 * bool(fields.get("overridable"))
    place = (0, tier, -priority if isinstance(priority, int) else 0, key[2])
    return CachedPolicy(place, key, "", manifest["metadata"].get("generation", 0), 0)


def _parsed(kind: str, manifest: Mapping[str, Any]) -> Content:
    try:
        return parse_policy(kind, manifest)
    except ValueError as error:
        return str(error)[:512]


class NamespacePolicies(Struct):
    """The cached policies of one namespace, or of the cluster.

    Attributes:
        entries: The policies by name.
        weight: Memory that they take, in bytes.
        left_out: Hashes of the names of policies that are left out.
        left_out_named: Rank, key and generation of the first policies that are left out.
        needs_relist: A policy that was left out may have room now, which only a new list shows.
    """

    entries: dict[str, CachedPolicy] = field(default_factory=dict)
    weight: int = 0
    left_out: set[int] = field(default_factory=set)
    left_out_named: list[tuple[Rank, PolicyKey, int]] = field(default_factory=list)
    needs_relist: bool = False
    _order: list[tuple[Rank, str]] = field(default_factory=list)
    _limit: Rank | None = None

    def put(self, one: CachedPolicy, most: int) -> None:
        """Add or replace a policy, and leave out what then exceeds the bounds."""
        self.drop(one.key[2])
        if self.ranks_too_low(one.rank):
            self.leave_out(one)
            return
        self.entries[one.key[2]] = one
        insort(self._order, (one.rank, one.key[2]))
        self.weight += one.weight
        self.trim(most)

    def drop(self, name: str) -> None:
        """Remove a policy."""
        if (cached := self.entries.pop(name, None)) is not None:
            del self._order[bisect_left(self._order, (cached.rank, name))]
            self.weight -= cached.weight
            self.needs_relist = self.needs_relist or bool(self.left_out)
        elif self.left_out:
            self.left_out.discard(hash(name))
            self.left_out_named = [each for each in self.left_out_named if each[1][2] != name]

    def trim(self, most: int) -> None:
        """Leave out the last-ranked policies until the rest fits; `most` in bytes."""
        while self.weight > most or len(self.entries) > MAX_POLICIES:
            _, name = self._order.pop()
            last = self.entries.pop(name)
            self.weight -= last.weight
            self.leave_out(last)

    def ranks_too_low(self, rank: Rank) -> bool:
        """Return whether a policy that ranks higher is left out."""
        return self._limit is not None and rank > self._limit

    def leave_out(self, one: CachedPolicy) -> None:
        """Count a policy as left out, and name it if it is one of the first."""
        self._limit = min(one.rank, self._limit or one.rank)
        if len(self.left_out) < MAX_COUNTED:
            self.left_out.add(hash(one.key[2]))
        insort(self.left_out_named, (one.rank, one.key, one.generation))
        del self.left_out_named[MAX_NAMED:]


class PoliciesByNamespace(Struct):
    """The policies of each namespace that has pods; the cluster's own are under ''."""

    by_namespace: dict[str, NamespacePolicies] = field(default_factory=dict)

    def put(self, one: CachedPolicy) -> None:
        """Add a policy if its namespace is cached, and enforce the bounds."""
        policies = self.by_namespace.get(one.key[1])
        if policies is not None:
            policies.put(one, NAMESPACE_BYTES)
            self.trim(NODE_BYTES)

    def drop(self, key: PolicyKey) -> bool:
        """Remove a policy, and return whether it was cached."""
        policies = self.by_namespace.get(key[1])
        if policies is None:
            return False
        cached = key[2] in policies.entries
        policies.drop(key[2])
        return cached

    def get(self, key: PolicyKey) -> CachedPolicy | None:
        """Return a cached policy."""
        policies = self.by_namespace.get(key[1])
        return policies.entries.get(key[2]) if policies else None

    def trim(self, most: int) -> None:
        """Bound the memory of all namespaces together; ClusterOOMPolicies do not count."""
        namespaces = [policies for name, policies in self.by_namespace.items() if name]
        if sum(policies.weight for policies in namespaces) <= most:
            return
        limit = fair_limit([policies.weight for policies in namespaces], most)
        for policies in namespaces:
            policies.trim(limit)

    def entries(self) -> Iterable[CachedPolicy]:
        """Iterate over all cached policies."""
        return (one for policies in self.by_namespace.values() for one in policies.entries.values())


def fair_limit(weights: Iterable[int], most: int) -> int:
    """Return the bound for each one with which they total at most `most`: max-min fairness."""
    ordered = sorted(weights)
    for at, weight in enumerate(ordered):
        share = most // (len(ordered) - at)
        if weight > share:
            return share
        most -= weight
    return most


def describe_left_out(policies: NamespacePolicies) -> str:
    """Describe what is left out; empty if there is nothing."""
    if not policies.left_out:
        return ""
    count = len(policies.left_out)
    first = ", ".join(key[2] for _, key, _ in policies.left_out_named[:3])
    number = f"more than {count}" if count >= MAX_COUNTED else str(count)
    return f"{number} (first of them: {first})" if first else number
