"""Near misses and patterns of containers, as OOMNode reports them within its bounds."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from oomwarden.api.node.memory_outlook import ContainerNearMisses, ContainerPattern, NearMissSummary
from oomwarden.api.oomnode import OOMNodeStatus
from oomwarden.api.vocabulary import MAX_NEAR_MISSES, MAX_PATTERNS
from oomwarden.core.incidents.memory_history import NEAR
from oomwarden.core.incidents.near_misses import RecentNearMisses
from oomwarden.core.model.quantity import format_bytes
from oomwarden.core.parse.pressure import MemoryStalls
from oomwarden.core.reporting.node_memory import psi_stats
from oomwarden.core.usage_pattern.verdict import Pattern, Verdict

_NEVER = float("inf")


class ContainerPlace(NamedTuple):
    """Where a container is; without a container, its whole pod."""

    namespace: str
    pod: str
    container: str | None


class NearMissFacts(NamedTuple):
    """Near misses of a container or a pod.

    Attributes:
        limit: In bytes; None if it is not known.
        stalls: None if the kernel does not measure them.
    """

    place: ContainerPlace
    misses: RecentNearMisses
    limit: int | None
    stalls: MemoryStalls | None


class PatternFacts(NamedTuple):
    """A container with a verdict; usage and limit are in bytes."""

    place: ContainerPlace
    verdict: Verdict
    usage: int
    limit: int | None

    @property
    def fraction(self) -> float:
        """The fraction of the limit that is used; 0 without a limit."""
        return self.usage / self.limit if self.limit else 0.0

    @property
    def is_leak(self) -> bool:
        """Whether it probably leaks."""
        return self.verdict.pattern is Pattern.LEAK


class MemoryOutlook(NamedTuple):
    """What an OOMNode says of memory before a kill."""

    near_misses: NearMissSummary
    patterns: tuple[ContainerPattern, ...]
    patterns_left_out: int


def memory_outlook(
    near_misses: Sequence[NearMissFacts], patterns: Sequence[PatternFacts]
) -> MemoryOutlook:
    """Return what fits into an OOMNode: the most near misses, and the most urgent patterns."""
    most = sorted(near_misses, key=lambda each: -each.misses.count)
    urgent = sorted(filter(_is_shown, patterns), key=_urgency)
    return MemoryOutlook(
        near_misses=NearMissSummary(
            total=sum(each.misses.count for each in most),
            containers=tuple(map(_near_misses, most[:MAX_NEAR_MISSES])),
            left_out=len(most[MAX_NEAR_MISSES:]),
        ),
        patterns=tuple(map(_pattern, urgent[:MAX_PATTERNS])),
        patterns_left_out=len(urgent[MAX_PATTERNS:]),
    )


def _is_shown(facts: PatternFacts) -> bool:
    return facts.is_leak or facts.fraction >= NEAR


def _urgency(facts: PatternFacts) -> tuple[bool, float, float]:
    left = facts.verdict.seconds_to_limit
    return not facts.is_leak, _NEVER if left is None else left, -facts.fraction


def _near_misses(facts: NearMissFacts) -> ContainerNearMisses:
    place, misses = facts.place, facts.misses
    return ContainerNearMisses(
        namespace=place.namespace,
        pod=place.pod,
        container=place.container,
        count=misses.count,
        since=_second(misses.since),
        last=_second(misses.last),
        limit=None if facts.limit is None else format_bytes(facts.limit),
        pressure=psi_stats(facts.stalls),
    )


def _pattern(facts: PatternFacts) -> ContainerPattern:
    place, left = facts.place, facts.verdict.seconds_to_limit
    return ContainerPattern(
        namespace=place.namespace,
        pod=place.pod,
        container=place.container or "",
        pattern=facts.verdict.pattern,
        evidence=facts.verdict.evidence,
        usage=format_bytes(facts.usage),
        limit=None if facts.limit is None else format_bytes(facts.limit),
        seconds_to_limit=None if left is None else round(left),
    )


def _second(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def outlook_news(status: OOMNodeStatus) -> frozenset[tuple[str, ...]]:
    """Return what of a status is worth a write of its own.

    Counts and estimates move all the time. News is which containers are listed, whether there are
    ten times as many near misses, and another pattern.
    """
    misses = {
        (each.namespace, each.pod, each.container or "", str(len(str(each.count))))
        for each in status.near_misses.containers
    }
    found = {(each.namespace, each.pod, each.container, each.pattern) for each in status.patterns}
    return frozenset(misses | found)
