"""What containers and nodes may write at each level of pressure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from oomwarden.core.quota.pressure import Pressure, PressureLevel

FREE_RECORDS = 5
FIRST_WAIT_SECONDS, LAST_WAIT_SECONDS = 60.0, 600.0
FIRSTS_BURST, REPEATS_BURST = 300.0, 20.0
"""A storm takes each pod of a node once; five pods may tell their first five kills at once."""
FIRSTS_AN_HOUR, REPEATS_AN_HOUR = 360.0, 60.0
FLEET_FIRSTS, FLEET_REPEATS, FLEET_BURST = 200_000.0, 30_000.0, 10_000.0
"""What all nodes together may write in an hour, and repeat at once, while nothing presses: from 500
nodes on it is less for each."""
_LEAST_BURST = 4.0
_HOUR_SECONDS = 3600.0


class Reason(StrEnum):
    """Why records are merged harder than usual, and tell less."""

    NAMESPACE = "NamespaceFull"
    CLUSTER = "ClusterFull"
    OPERATOR = "NoOperator"


@dataclass(frozen=True, slots=True)
class Terms:
    """What of a container may be recorded.

    `free` records go at once, later ones `first_wait` to `last_wait` seconds apart. `reason`: why
    these are not the usual terms.
    """

    free: int = FREE_RECORDS
    first_wait: float = FIRST_WAIT_SECONDS
    last_wait: float = LAST_WAIT_SECONDS
    reason: Reason | None = None

    @property
    def quiet(self) -> float:
        """Give the seconds without a kill after which a container begins anew.

        The kubelet forgets a crash loop after twice its longest wait too (client-go
        util/flowcontrol/backoff.go, hasExpired).
        """
        return 2 * self.last_wait


USUAL = Terms()


@dataclass(frozen=True, slots=True)
class _Step:
    """A container's records at once and waits, and what a whole fleet may write in an hour.

    `fleet` records are first ones of pods, and as many are others.
    """

    free: int
    first_wait: float
    last_wait: float
    fleet: float


_STEPS: Mapping[PressureLevel, _Step] = {
    PressureLevel.SOME: _Step(3, 300.0, 0.5 * _HOUR_SECONDS, 40_000.0),
    PressureLevel.HIGH: _Step(1, _HOUR_SECONDS, 3 * _HOUR_SECONDS, 10_000.0),
    PressureLevel.FULL: _Step(1, 6 * _HOUR_SECONDS, 6 * _HOUR_SECONDS, 2_000.0),
}
_UNATTENDED = _Step(FREE_RECORDS, FIRST_WAIT_SECONDS, _HOUR_SECONDS, 1_000.0)
"""Nobody deletes: beside its bursts a fleet writes 24,000 first records a day at most, and as many
others."""
LONGEST_QUIET_SECONDS = 2 * max(step.last_wait for step in _STEPS.values())


def terms(pressure: Pressure, namespace: str) -> Terms:
    """Give the terms for a namespace's records; none are better than the usual ones."""
    if not pressure.attended:
        return _terms(_UNATTENDED, Reason.OPERATOR)
    level = pressure.of(namespace)
    if level is PressureLevel.CALM:
        return USUAL
    return _terms(_STEPS[level], Reason.CLUSTER if pressure.cluster is level else Reason.NAMESPACE)


def _terms(step: _Step, reason: Reason) -> Terms:
    return Terms(step.free, step.first_wait, step.last_wait, reason)


@dataclass(frozen=True, slots=True)
class NodeTerms:
    """What a node may write in an hour: first records of pods, and others once `burst` is spent."""

    firsts: float = FIRSTS_AN_HOUR
    repeats: float = REPEATS_AN_HOUR
    burst: float = REPEATS_BURST


def node_terms(pressure: Pressure) -> NodeTerms:
    """Give a node's part of what the fleet may write.

    A full namespace alone does not narrow it: other namespaces' records go through it too.
    """
    step = _STEPS.get(pressure.cluster) if pressure.attended else _UNATTENDED
    fleet = step.fleet if step else float("inf")
    return NodeTerms(
        firsts=min(FIRSTS_AN_HOUR, min(FLEET_FIRSTS, fleet) / pressure.nodes),
        repeats=min(REPEATS_AN_HOUR, min(FLEET_REPEATS, fleet) / pressure.nodes),
        burst=min(max(FLEET_BURST / pressure.nodes, _LEAST_BURST), REPEATS_BURST),
    )
