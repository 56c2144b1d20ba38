"""How many records containers and nodes may write at each pressure level."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from oomwarden.core.quota.pressure import Pressure, PressureLevel

FREE_RECORDS = 5
FIRST_WAIT_SECONDS, LAST_WAIT_SECONDS = 60.0, 600.0
FIRSTS_BURST, REPEATS_BURST = 300.0, 20.0
"""Enough for one kill in each pod of a node; five pods may record their first five kills."""
FIRSTS_AN_HOUR, REPEATS_AN_HOUR = 360.0, 60.0
FLEET_FIRSTS, FLEET_REPEATS, FLEET_BURST = 200_000.0, 30_000.0, 10_000.0
"""What all nodes together may write in an hour, and in a burst, without pressure.

From 500 nodes on, each node may write less.
"""
_LEAST_BURST = 4.0
_HOUR_SECONDS = 3600.0


class Reason(StrEnum):
    """Why records are merged harder than usual, and have fewer fields."""

    NAMESPACE = "NamespaceFull"
    CLUSTER = "ClusterFull"
    OPERATOR = "NoOperator"


class Terms(Struct, frozen=True):
    """How many records a container may write.

    Attributes:
        free: Records that may be written immediately.
        first_wait: Seconds before the next one; later waits are longer.
        last_wait: The longest wait in seconds.
        reason: Why these are not the usual terms; None if they are.
    """

    free: int = FREE_RECORDS
    first_wait: float = FIRST_WAIT_SECONDS
    last_wait: float = LAST_WAIT_SECONDS
    reason: Reason | None = None

    @property
    def reset_after(self) -> float:
        """Seconds without a kill after which a container's budget is reset.

        The kubelet also resets a crash loop's back-off after twice its longest wait (client-go
        util/flowcontrol/backoff.go, hasExpired).
        """
        return 2 * self.last_wait


USUAL = Terms()


class _PressureTerms(Struct, frozen=True):
    """The terms at a pressure level.

    Attributes:
        free: As in `Terms`.
        first_wait: As in `Terms`.
        last_wait: As in `Terms`.
        fleet: How many first records of pods all nodes together may write in an hour, and how many
            others.
    """

    free: int
    first_wait: float
    last_wait: float
    fleet: float


_TERMS_BY_LEVEL: Mapping[PressureLevel, _PressureTerms] = {
    PressureLevel.SOME: _PressureTerms(3, 300.0, 0.5 * _HOUR_SECONDS, 40_000.0),
    PressureLevel.HIGH: _PressureTerms(1, _HOUR_SECONDS, 3 * _HOUR_SECONDS, 10_000.0),
    PressureLevel.FULL: _PressureTerms(1, 6 * _HOUR_SECONDS, 6 * _HOUR_SECONDS, 2_000.0),
}
_NO_OPERATOR = _PressureTerms(FREE_RECORDS, FIRST_WAIT_SECONDS, _HOUR_SECONDS, 1_000.0)
"""Without an operator no record is deleted. Apart from its bursts, a fleet writes at most 24,000
first records a day, and as many others."""
MAX_RESET_SECONDS = 2 * max(one.last_wait for one in _TERMS_BY_LEVEL.values())


def terms(pressure: Pressure, namespace: str) -> Terms:
    """Return the terms for a namespace's records; none are better than the usual ones."""
    if not pressure.has_operator:
        return _terms(_NO_OPERATOR, Reason.OPERATOR)
    level = pressure.level_of(namespace)
    if level is PressureLevel.CALM:
        return USUAL
    return _terms(
        _TERMS_BY_LEVEL[level], Reason.CLUSTER if pressure.cluster is level else Reason.NAMESPACE
    )


def _terms(level_terms: _PressureTerms, reason: Reason) -> Terms:
    return Terms(level_terms.free, level_terms.first_wait, level_terms.last_wait, reason)


class NodeTerms(Struct, frozen=True):
    """How many records a node may write.

    Attributes:
        firsts: First records of pods in an hour.
        repeats: Other records in an hour.
        burst: Other records that may be written immediately.
    """

    firsts: float = FIRSTS_AN_HOUR
    repeats: float = REPEATS_AN_HOUR
    burst: float = REPEATS_BURST


def node_terms(pressure: Pressure) -> NodeTerms:
    """Return a node's part of what all nodes may write.

    A full namespace does not reduce it, because other namespaces need it, too.
    """
    level_terms = _TERMS_BY_LEVEL.get(pressure.cluster) if pressure.has_operator else _NO_OPERATOR
    fleet = level_terms.fleet if level_terms else float("inf")
    return NodeTerms(
        firsts=min(FIRSTS_AN_HOUR, min(FLEET_FIRSTS, fleet) / pressure.nodes),
        repeats=min(REPEATS_AN_HOUR, min(FLEET_REPEATS, fleet) / pressure.nodes),
        burst=min(max(FLEET_BURST / pressure.nodes, _LEAST_BURST), REPEATS_BURST),
    )
