"""How many were killed, from the kernel's memory.events of kubepods and of each pod below it.

A pod's cgroup outlives its containers' by seconds, kubepods' lives as long as the node: these
counts are the truth. The log gives them a container and a moment.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.recall.truth import Kill, Place, pod_uid

_ROW = re.compile(r"\S*/(?P<name>[^/\s]+)/memory\.events:oom_(?P<group>group_)?kill (?P<value>\d+)")
_ROOTS = ("kubepods", "kubepods.slice")
NOWHERE = Place("", "")
"""Of a kill that the kernel counted and nobody could place."""


@dataclass(frozen=True, slots=True)
class Count:
    """A cgroup's counters: `kills` of processes (the first of a group twice) and of `groups`."""

    kills: int = 0
    groups: int = 0

    def since(self, earlier: "Count") -> "Count":
        """Give how far the counters rose."""
        return Count(self.kills - earlier.kills, self.groups - earlier.groups)

    @property
    def incidents(self) -> int:
        """Group kills; kills of one process where there were no groups (Linux 5.17 and later)."""
        return self.groups or self.kills


@dataclass(frozen=True, slots=True)
class Counts:
    """`total` of kubepods, and of each pod by its UID."""

    total: Count
    pods: Mapping[str, Count]
    counts_groups: bool = True
    """Linux 5.17 and later do."""

    def since(self, earlier: "Counts") -> "Counts":
        """Give how far the counters rose; a pod that is new began at 0."""
        pods = {
            uid: count.since(earlier.pods.get(uid, Count())) for uid, count in self.pods.items()
        }
        return replace(self, total=self.total.since(earlier.total), pods=pods)

    def latest(self, later: "Counts") -> "Counts":
        """Take over a later look; a pod whose cgroup is gone keeps what was seen last."""
        return replace(later, pods={**self.pods, **later.pods})


def read(lines: Iterable[str]) -> Counts:
    """Read `grep -H` of memory.events: kubepods' and the pods'.

    Raises:
        ValueError: kubepods is not among them.
    """
    kills: dict[str, int] = {}
    groups: dict[str, int] = {}
    for row in filter(None, map(_ROW.fullmatch, lines)):
        key = "" if row["name"] in _ROOTS else pod_uid(row["name"])
        if key is not None:
            (groups if row["group"] else kills)[key] = int(row["value"])
    if "" not in kills:
        raise ValueError("the node's memory.events of kubepods could not be read")
    counts = {key: Count(number, groups.get(key, 0)) for key, number in kills.items()}
    return Counts(counts.pop(""), counts, bool(groups))


def settle(
    counted: Counts, logged: Sequence[Kill], containers: Mapping[str, Sequence[str]]
) -> tuple[list[Kill], list[str]]:
    """Give as many kills as the kernel counted, and in words where the log did not tell them.

    Args:
        counted: How far the counters rose.
        logged: What the kernel log told, with moments.
        containers: The containers of each pod, by UIDs; where the log is silent, those that
            were not killed come first.
    """
    if not counted.counts_groups:
        return list(logged), ["this kernel counts no groups: how many there were, its log says"]
    kills, remarks = list(logged), []
    for uid, count in counted.pods.items():
        of_log = [kill for kill in logged if kill.place.pod == uid]
        missing = count.incidents - len(of_log)
        if missing > 0:
            kills += _unlogged(uid, missing, of_log, containers.get(uid, ()))
            remarks.append(f"the log lacks {missing} of {count.incidents} kills in pod {uid}")
        elif missing < 0:
            remarks.append(f"the log has {-missing} kills more than the counters in pod {uid}")
    unseen = _total(counted) - len(kills)
    if unseen > 0:
        kills += [Kill(NOWHERE, None)] * unseen
        remarks.append(f"{unseen} kills below kubepods could be placed in no pod")
    elif unseen < 0:
        remarks.append(f"kubepods counted {-unseen} kills fewer than its pods and the log")
    return kills, remarks


def _unlogged(
    uid: str, missing: int, logged: Sequence[Kill], containers: Sequence[str]
) -> list[Kill]:
    had = Counter(kill.place.container for kill in logged)
    free = [name for name in containers if not had[name]] or list(containers) or [""]
    return [Kill(Place(uid, free[number % len(free)]), None) for number in range(missing)]


def _total(counted: Counts) -> int:
    singles = sum(count.kills for count in counted.pods.values() if not count.groups)
    return counted.total.groups + singles if counted.total.groups else counted.total.kills
