"""How many OOMKills there are, how fast their number grows, and how many a namespace may keep.

Reaching a limit is not pressure: an old cluster is at its limits all the time. There is pressure if
the limits would fill up within hours, so that they keep hours of history instead of weeks.
"""

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from oomwarden.core.quota.pressure import (
    YOUNG_IN_NEED_SECONDS,
    YOUNG_SECONDS,
    Pressure,
    PressureLevel,
)
from oomwarden.core.quota.retention import Bounds, Exempt, StoredRecord

KEEP_FRACTION = 0.8
"""Fraction of the cluster limit that retention keeps, to leave space until it runs again."""
EASE_SECONDS = 3600.0
"""Levels rise immediately and fall by one in this time, so waiting records go out gradually."""
_FILLED_IN_AN_HOUR = (
    (1.0, PressureLevel.FULL),
    (0.5, PressureLevel.HIGH),
    (0.25, PressureLevel.SOME),
)
"""Levels by the fraction of a limit that was written within the last hour."""
_OVER = ((2.0, PressureLevel.FULL), (1.5, PressureLevel.HIGH), (1.0, PressureLevel.SOME))
"""Levels by the fraction of the cluster limit that exists, whenever it was written."""
IN_NEED, IN_GREAT_NEED = 2.0, 4.0
"""From these multiples of the cluster limit on, young records are deleted; then even the newest of
a pod."""


class RecordCount(Struct):
    """Numbers of records: all of them, and those written within the last hour."""

    all: int = 0
    young: int = 0


class RecordCounts(Struct):
    """Counts records by namespace while they are listed; `now` in seconds."""

    now: float
    namespaces: dict[str, RecordCount] = field(default_factory=dict)

    def add(self, record: StoredRecord) -> None:
        """Count a record."""
        count = self.namespaces.setdefault(record.namespace, RecordCount())
        count.all += 1
        count.young += self.now - record.created <= YOUNG_SECONDS

    @property
    def total(self) -> RecordCount:
        """The numbers of all namespaces together."""
        counts = self.namespaces.values()
        return RecordCount(sum(one.all for one in counts), sum(one.young for one in counts))

    def namespace_share(self, bounds: Bounds) -> int | None:
        """Return how many records each namespace may keep so that the cluster limit is respected.

        Namespaces with fewer records keep all of them. None if there is no such limit, or if it is
        respected already.
        """
        space, most = int(bounds.per_cluster * KEEP_FRACTION), bounds.per_namespace
        sizes = sorted(min(c.all, most) if most else c.all for c in self.namespaces.values())
        if not bounds.per_cluster or sum(sizes) <= space:
            return None
        for left, size in zip(range(len(sizes), 0, -1), sizes, strict=True):
            if size * left > space:
                return max(space // left, 1)
            space -= size
        return None


def cluster_level(bounds: Bounds, total: RecordCount) -> PressureLevel:
    """Return the pressure level of all records together."""
    if not bounds.per_cluster:
        return PressureLevel.CALM
    written, there = total.young / bounds.per_cluster, total.all / bounds.per_cluster
    return max(_level_above(_FILLED_IN_AN_HOUR, written), _level_above(_OVER, there))


def _namespace_level(bounds: Bounds, count: RecordCount) -> PressureLevel:
    if not bounds.per_namespace:
        return PressureLevel.CALM
    return _level_above(_FILLED_IN_AN_HOUR, count.young / bounds.per_namespace)


def _level_above(steps: tuple[tuple[float, PressureLevel], ...], part: float) -> PressureLevel:
    return next((level for least, level in steps if part > least), PressureLevel.CALM)


def exempt(bounds: Bounds, total: int) -> Exempt:
    """Return which records are too young to be deleted when there are `total`."""
    if not bounds.per_cluster or total <= IN_NEED * bounds.per_cluster:
        return Exempt()
    if total <= IN_GREAT_NEED * bounds.per_cluster:
        return Exempt(others=YOUNG_IN_NEED_SECONDS)
    return Exempt(YOUNG_IN_NEED_SECONDS, YOUNG_IN_NEED_SECONDS)


class LevelSince(Struct, frozen=True):
    """A level, and when it last changed or was confirmed (seconds)."""

    level: PressureLevel = PressureLevel.CALM
    since: float = 0.0

    def moved_to(self, level: PressureLevel, now: float) -> "LevelSince":
        """Return the next level: rise immediately, fall by one after `EASE_SECONDS`."""
        if level >= self.level:
            return LevelSince(level, now)
        if now - self.since < EASE_SECONDS:
            return self
        return LevelSince(PressureLevel(self.level - 1), now)


class PressureGauge(Struct, frozen=True):
    """The pressure as of the last list of records.

    Attributes:
        bounds: The retention limits.
        cluster: Level of all records together.
        namespaces: Level of each namespace under pressure.
        needed: When young records had to be deleted last (seconds).
    """

    bounds: Bounds
    cluster: LevelSince = LevelSince()
    namespaces: Mapping[str, LevelSince] = field(default_factory=dict)
    needed: float = float("-inf")

    def with_counts(self, listed: RecordCounts, now: float) -> "PressureGauge":
        """Return the gauge after a complete count; all times are of the operator's clock."""
        counts = listed.namespaces
        levels = {
            name: self.namespaces.get(name, LevelSince()).moved_to(
                _namespace_level(self.bounds, counts.get(name, RecordCount())), now
            )
            for name in counts.keys() | self.namespaces.keys()
        }
        raised = {name: one for name, one in levels.items() if one.level}
        return replace(self.with_total(listed.total, now), namespaces=raised)

    def with_total(self, total: RecordCount, now: float) -> "PressureGauge":
        """Return the gauge with a new total, between two complete counts."""
        level = self.cluster.moved_to(cluster_level(self.bounds, total), now)
        in_need = exempt(self.bounds, total.all) != Exempt()
        return replace(self, cluster=level, needed=now if in_need else self.needed)

    def pressure(self, nodes: int, now: float) -> Pressure:
        """Return the pressure to publish."""
        lately = now - self.needed <= YOUNG_SECONDS
        return Pressure(
            cluster=self.cluster.level,
            namespaces={name: one.level for name, one in self.namespaces.items()},
            nodes=max(nodes, 1),
            kept_seconds=YOUNG_IN_NEED_SECONDS if lately else YOUNG_SECONDS,
        )

    def resumed(self, before: Pressure, now: float) -> "PressureGauge":
        """Return the gauge with at least the levels that an earlier operator published."""
        namespaces = {name: LevelSince(level, now) for name, level in before.namespaces.items()}
        for name, one in self.namespaces.items():
            namespaces[name] = max(one, namespaces.get(name, one), key=lambda each: each.level)
        cluster = max(self.cluster, LevelSince(before.cluster, now), key=lambda each: each.level)
        needed = now if before.kept_seconds < YOUNG_SECONDS else self.needed
        return PressureGauge(self.bounds, cluster, namespaces, needed)
