"""Which policies an agent holds: those that rank first, within bounds of memory.

What ranks behind one that is left out is left out too: else it would win containers that are not
its own.
"""

import json
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from oomwarden.core.policy.matching import rank
from oomwarden.core.policy.policy import NAMESPACED, Key, Policy, parse_policy

MOST_POLICIES = 500
"""Of one namespace, and of all ClusterOOMPolicies: each is tried on every container."""
NAMESPACE_BYTES = 8 << 20
"""Of the same: some 20 policies of the largest size that the schema allows."""
NODE_BYTES = 32 << 20
"""Of all namespaces together; those with the most give way first."""
MOST_NAMED = 20
"""Policies that are left out and can be named; the others are counted."""
MOST_COUNTED = 10_000
_EACH, _A_BYTE = 2048, 5
"""Bytes of memory that a policy takes, and a byte of its spec in JSON (measured, Python 3.11)."""

Rank = tuple[int, int, int, str]
Content = Policy | str


class CachedPolicy(NamedTuple):
    """A policy, or why it cannot be read; `weight` in bytes of memory."""

    rank: Rank
    key: Key
    content: Content
    generation: int
    weight: int


def entry(kind: str, key: Key, manifest: Mapping[str, Any]) -> CachedPolicy:
    """Read a manifest; one that cannot be read ranks behind all that can."""
    content = _parsed(kind, manifest)
    generation = manifest["metadata"].get("generation", 0)
    if isinstance(content, str):
        place: Rank = (1, 0, 0, key[2])
        return CachedPolicy(place, key, content, generation, _weight(content))
    weight = _weight(json.dumps(manifest.get("spec"), ensure_ascii=False))
    return CachedPolicy((0, *rank(content)), key, content, generation, weight)


def _weight(text: str) -> int:
    return _EACH + _A_BYTE * len(text.encode(errors="surrogatepass"))


def unread(kind: str, key: Key, manifest: Mapping[str, Any]) -> CachedPolicy:
    """Tell where a manifest ranks without reading it: 1,000 of the largest take 10 s to read."""
    spec = manifest.get("spec")
    told = spec if isinstance(spec, dict) else {}
    priority = told.get("priority")
    tier = 1 if kind == NAMESPACED else 2 * bool(told.get("overridable"))
    place = (0, tier, -priority if isinstance(priority, int) else 0, key[2])
    return CachedPolicy(place, key, "", manifest["metadata"].get("generation", 0), 0)


def _parsed(kind: str, manifest: Mapping[str, Any]) -> Content:
    try:
        return parse_policy(kind, manifest)
    except ValueError as error:
        return str(error)[:512]


@dataclass(slots=True)
class Shelf:
    """The policies of one namespace, or those of the cluster; `left` has hashes of names.

    `stale`: something that was left out may have room by now, and only a new list tells.
    """

    entries: dict[str, CachedPolicy] = field(default_factory=dict)
    weight: int = 0
    left: set[int] = field(default_factory=set)
    named: list[tuple[Rank, Key, int]] = field(default_factory=list)
    stale: bool = False
    _order: list[tuple[Rank, str]] = field(default_factory=list)
    _limit: Rank | None = None

    def put(self, one: CachedPolicy, most: int) -> None:
        """Take a policy in place of the one of its name; what then is too much is left out."""
        self.drop(one.key[2])
        if self.is_beyond(one.rank):
            self.leave_out(one)
            return
        self.entries[one.key[2]] = one
        insort(self._order, (one.rank, one.key[2]))
        self.weight += one.weight
        self.trim(most)

    def drop(self, name: str) -> None:
        """Forget a policy."""
        if (held := self.entries.pop(name, None)) is not None:
            del self._order[bisect_left(self._order, (held.rank, name))]
            self.weight -= held.weight
            self.stale = self.stale or bool(self.left)
        elif self.left:
            self.left.discard(hash(name))
            self.named = [each for each in self.named if each[1][2] != name]

    def trim(self, most: int) -> None:
        """Leave out those that rank last until the rest is within the bounds, `most` in bytes."""
        while self.weight > most or len(self.entries) > MOST_POLICIES:
            _, name = self._order.pop()
            last = self.entries.pop(name)
            self.weight -= last.weight
            self.leave_out(last)

    def is_beyond(self, rank: Rank) -> bool:
        """Whether something that ranks before is left out."""
        return self._limit is not None and rank > self._limit

    def leave_out(self, one: CachedPolicy) -> None:
        """Count a policy, and name it if it is one of the first."""
        self._limit = min(one.rank, self._limit or one.rank)
        if len(self.left) < MOST_COUNTED:
            self.left.add(hash(one.key[2]))
        insort(self.named, (one.rank, one.key, one.generation))
        del self.named[MOST_NAMED:]


@dataclass(slots=True)
class Shelves:
    """A shelf for each namespace whose policies are wanted; that of the cluster is called ''."""

    by_namespace: dict[str, Shelf] = field(default_factory=dict)

    def put(self, one: CachedPolicy) -> None:
        """Take a policy if its namespace has a shelf, and keep all within the bounds."""
        shelf = self.by_namespace.get(one.key[1])
        if shelf is not None:
            shelf.put(one, NAMESPACE_BYTES)
            self.keep_within(NODE_BYTES)

    def drop(self, key: Key) -> bool:
        """Forget a policy, and tell whether it was held."""
        shelf = self.by_namespace.get(key[1])
        if shelf is None:
            return False
        held = key[2] in shelf.entries
        shelf.drop(key[2])
        return held

    def get(self, key: Key) -> CachedPolicy | None:
        """Give what is held of a policy."""
        shelf = self.by_namespace.get(key[1])
        return shelf.entries.get(key[2]) if shelf else None

    def keep_within(self, most: int) -> None:
        """Bound what all namespaces take together; the cluster's own policies do not count."""
        shelves = [shelf for name, shelf in self.by_namespace.items() if name]
        if sum(shelf.weight for shelf in shelves) <= most:
            return
        limit = fair_limit([shelf.weight for shelf in shelves], most)
        for shelf in shelves:
            shelf.trim(limit)

    def entries(self) -> Iterable[CachedPolicy]:
        """Give all that is held."""
        return (one for shelf in self.by_namespace.values() for one in shelf.entries.values())


def fair_limit(weights: Iterable[int], most: int) -> int:
    """Give the bound of each with which all together take `most` at most: max-min fairness."""
    ordered = sorted(weights)
    for at, weight in enumerate(ordered):
        share = most // (len(ordered) - at)
        if weight > share:
            return share
        most -= weight
    return most


def left_out(shelf: Shelf) -> str:
    """Say what is left out; empty: nothing."""
    if not shelf.left:
        return ""
    count = len(shelf.left)
    first = ", ".join(key[2] for _, key, _ in shelf.named[:3])
    number = f"more than {count}" if count >= MOST_COUNTED else str(count)
    return f"{number} (first of them: {first})" if first else number
