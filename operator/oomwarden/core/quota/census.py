"""How many OOMKills there are and how fast they become more: what presses, and who may keep what.

A bound that is reached is no pressure: an old cluster is at its bounds all the time. Pressure is
that bounds would be filled within hours, so that they keep hours of history, not weeks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from oomwarden.core.quota.pressure import (
    YOUNG_IN_NEED_SECONDS,
    YOUNG_SECONDS,
    Pressure,
    PressureLevel,
)
from oomwarden.core.quota.retention import Bounds, Exempt, StoredRecord

KEEP_PART = 0.8
"""Part of the bound on all that retention leaves, so that there is room until it looks again."""
EASE_SECONDS = 3600.0
"""Levels rise at once and fall by one in this time: what was held is let go step by step."""
_FILLED_IN_AN_HOUR = (
    (1.0, PressureLevel.FULL),
    (0.5, PressureLevel.HIGH),
    (0.25, PressureLevel.SOME),
)
"""Part of a bound that was written within the last hour."""
_OVER = ((2.0, PressureLevel.FULL), (1.5, PressureLevel.HIGH), (1.0, PressureLevel.SOME))
"""Part of the bound on all that is there, whenever it was written."""
IN_NEED, IN_GREAT_NEED = 2.0, 4.0
"""Times the bound on all: from here on young records go, from there on also the newest of a pod."""


@dataclass(slots=True)
class Count:
    """Of a namespace: all records, and those that were written within the last hour."""

    all: int = 0
    young: int = 0


@dataclass(slots=True)
class Census:
    """Counts records while they are read; `now` in seconds."""

    now: float
    namespaces: dict[str, Count] = field(default_factory=dict)

    def add(self, record: StoredRecord) -> None:
        """Count a record."""
        count = self.namespaces.setdefault(record.namespace, Count())
        count.all += 1
        count.young += self.now - record.created <= YOUNG_SECONDS

    @property
    def total(self) -> Count:
        """Count all namespaces."""
        counts = self.namespaces.values()
        return Count(sum(one.all for one in counts), sum(one.young for one in counts))

    def share(self, bounds: Bounds) -> int | None:
        """Give how many records each namespace may keep so that all keep to their bound.

        The ones with few records keep all of them. None: there is no such bound, or it holds.
        """
        room, most = int(bounds.per_cluster * KEEP_PART), bounds.per_namespace
        sizes = sorted(min(c.all, most) if most else c.all for c in self.namespaces.values())
        if not bounds.per_cluster or sum(sizes) <= room:
            return None
        for left, size in zip(range(len(sizes), 0, -1), sizes, strict=True):
            if size * left > room:
                return max(room // left, 1)
            room -= size
        return None


def measured(bounds: Bounds, total: Count) -> PressureLevel:
    """Tell how hard all records press."""
    if not bounds.per_cluster:
        return PressureLevel.CALM
    written, there = total.young / bounds.per_cluster, total.all / bounds.per_cluster
    return max(_step(_FILLED_IN_AN_HOUR, written), _step(_OVER, there))


def _of_namespace(bounds: Bounds, count: Count) -> PressureLevel:
    if not bounds.per_namespace:
        return PressureLevel.CALM
    return _step(_FILLED_IN_AN_HOUR, count.young / bounds.per_namespace)


def _step(steps: tuple[tuple[float, PressureLevel], ...], part: float) -> PressureLevel:
    return next((level for least, level in steps if part > least), PressureLevel.CALM)


def exempt(bounds: Bounds, total: int) -> Exempt:
    """Tell which records are too young to go, while there are so many."""
    if not bounds.per_cluster or total <= IN_NEED * bounds.per_cluster:
        return Exempt()
    if total <= IN_GREAT_NEED * bounds.per_cluster:
        return Exempt(others=YOUNG_IN_NEED_SECONDS)
    return Exempt(YOUNG_IN_NEED_SECONDS, YOUNG_IN_NEED_SECONDS)


@dataclass(frozen=True, slots=True)
class LevelSince:
    """A level, and when it last changed or was confirmed (seconds)."""

    level: PressureLevel = PressureLevel.CALM
    since: float = 0.0

    def at(self, level: PressureLevel, now: float) -> "LevelSince":
        """Rise at once, fall by one after a while."""
        if level >= self.level:
            return LevelSince(level, now)
        if now - self.since < EASE_SECONDS:
            return self
        return LevelSince(PressureLevel(self.level - 1), now)


@dataclass(frozen=True, slots=True)
class Gauge:
    """What presses, as of the last look; `needed`: when young records last had to go (seconds)."""

    bounds: Bounds
    cluster: LevelSince = LevelSince()
    namespaces: Mapping[str, LevelSince] = field(default_factory=dict)
    needed: float = float("-inf")

    def looked(self, census: Census, now: float) -> "Gauge":
        """Take a whole count in; `now` is of the operator's clock, as all times here are."""
        counts = census.namespaces
        standing = {
            name: self.namespaces.get(name, LevelSince()).at(
                _of_namespace(self.bounds, counts.get(name, Count())), now
            )
            for name in counts.keys() | self.namespaces.keys()
        }
        pressed = {name: one for name, one in standing.items() if one.level}
        return replace(self.counted(census.total, now), namespaces=pressed)

    def counted(self, total: Count, now: float) -> "Gauge":
        """Take in how many there are in all, between two looks."""
        standing = self.cluster.at(measured(self.bounds, total), now)
        in_need = exempt(self.bounds, total.all) != Exempt()
        return replace(self, cluster=standing, needed=now if in_need else self.needed)

    def pressure(self, nodes: int, now: float) -> Pressure:
        """Give what is published."""
        lately = now - self.needed <= YOUNG_SECONDS
        return Pressure(
            cluster=self.cluster.level,
            namespaces={name: one.level for name, one in self.namespaces.items()},
            nodes=max(nodes, 1),
            kept_seconds=YOUNG_IN_NEED_SECONDS if lately else YOUNG_SECONDS,
        )

    def resumed(self, before: Pressure, now: float) -> "Gauge":
        """Go on from what an earlier operator published, so that a restart lets nothing go."""
        namespaces = {name: LevelSince(level, now) for name, level in before.namespaces.items()}
        for name, one in self.namespaces.items():
            namespaces[name] = max(one, namespaces.get(name, one), key=lambda each: each.level)
        cluster = max(self.cluster, LevelSince(before.cluster, now), key=lambda each: each.level)
        needed = now if before.kept_seconds < YOUNG_SECONDS else self.needed
        return Gauge(self.bounds, cluster, namespaces, needed)
