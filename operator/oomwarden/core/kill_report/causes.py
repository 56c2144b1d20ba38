"""What each cause means, in one sentence for people who do not know the kernel."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from oomwarden.api.oomkill import Cause
from oomwarden.core.history.kill_record import KillRecord

_MEANINGS: dict[str, str] = {
    Cause.CONTAINER_LIMIT: "A container reached its own memory limit, so the kernel killed a "
    "process in it; no other container was at risk.",
    Cause.POD_LIMIT: "The containers of a pod together reached the limit of the pod, which may "
    "kill one that used little itself.",
    Cause.NODE_ALLOCATABLE: "All pods of a node together used what the kubelet leaves to pods; "
    "the victim had reached no limit of its own.",
    Cause.NODE_OUT_OF_MEMORY: "A whole node ran out of memory; the victim had reached no limit "
    "of its own.",
    Cause.NUMA_NODES_OUT_OF_MEMORY: "The NUMA nodes that a task may use ran out of memory, while "
    "others may have had some left.",
    Cause.UNKNOWN: "It could not be found out whose memory ran out: the counters named several, "
    "and the kernel log was not there to decide.",
}
_NEWER = "A newer agent recorded this cause; this version of kubectl oom does not know it."


class CauseKills(Struct, frozen=True):
    """The kills of one cause.

    Attributes:
        meaning: One sentence.
        last: When the latest was found.
    """

    cause: str
    kills: int
    records: int
    last: datetime | None
    meaning: str


def meaning_of(cause: str) -> str:
    """Return what a cause means."""
    return _MEANINGS.get(cause, _NEWER)


def known_cause(cause: str) -> str:
    """Return a cause as it is drawn: one that this version does not know counts as Unknown."""
    return cause if cause in _MEANINGS else str(Cause.UNKNOWN)


def kills_by_cause(records: Iterable[KillRecord]) -> tuple[tuple[str, int], ...]:
    """Return the kills of each cause, most first."""
    counted: Counter[str] = Counter()
    for each in records:
        counted[each.cause] += each.kills
    return tuple(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))


def summed_causes(records: list[KillRecord]) -> tuple[CauseKills, ...]:
    """Return the causes, the one with the most kills first."""
    found = []
    for cause, kills in kills_by_cause(records):
        members = [each for each in records if each.cause == cause]
        last = max(each.found for each in members if each.found)
        found.append(CauseKills(cause, kills, len(members), last, meaning_of(cause)))
    return tuple(found)
