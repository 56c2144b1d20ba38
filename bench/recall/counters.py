"""The number of kills by the kernel's memory.events of kubepods and of each pod below it.

A pod's cgroup exists for seconds longer than those of its containers, and kubepods as long as the
node, so these counters are the ground truth. The kernel log adds the container and the time.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.recall.truth import Kill, Place, pod_uid

_ROW = re.compile(r"\S*/(?P<name>[^/\s]+)/memory\.events:oom_(?P<group>group_)?kill (?P<value>\d+)")
_ROOTS = ("kubepods", "kubepods.slice")
NOWHERE = Place("", "")
"""The place of a kill that the kernel counted in no known pod."""


@dataclass(frozen=True, slots=True)
class Count:
    """A cgroup's counters.

    Attributes:
        kills: oom_kill: killed processes; the first of a group counts twice.
        groups: oom_group_kill.
    """

    kills: int = 0
    groups: int = 0

    def since(self, earlier: "Count") -> "Count":
        """Return the increase of the counters."""
        return Count(self.kills - earlier.kills, self.groups - earlier.groups)

    @property
    def incidents(self) -> int:
        """Group kills; kills of single processes if there were no groups (Linux 5.17 and later)."""
        return self.groups or self.kills


@dataclass(frozen=True, slots=True)
class Counts:
    """Counters of kubepods (`total`) and of each pod, by UID."""

    total: Count
    pods: Mapping[str, Count]
    counts_groups: bool = True
    """Whether the kernel has oom_group_kill: Linux 5.17 and later."""

    def since(self, earlier: "Counts") -> "Counts":
        """Return the increase of the counters; a new pod started at 0."""
        pods = {
            uid: count.since(earlier.pods.get(uid, Count())) for uid, count in self.pods.items()
        }
        return replace(self, total=self.total.since(earlier.total), pods=pods)

    def latest(self, later: "Counts") -> "Counts":
        """Update with a later reading; a pod whose cgroup was removed keeps its last counters."""
        return replace(later, pods={**self.pods, **later.pods})


def read(lines: Iterable[str]) -> Counts:
    """Parse the output of `grep -H` on memory.events of kubepods and the pods.

    Raises:
        ValueError: kubepods is missing.
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


def reconcile(
    counted: Counts, logged: Sequence[Kill], containers: Mapping[str, Sequence[str]]
) -> tuple[list[Kill], list[str]]:
    """Return as many kills as the kernel counted, with remarks about differences to the log.

    Args:
        counted: The increase of the counters.
        logged: The kills in the kernel log, with times.
        containers: The containers of each pod, by UID. A kill that the log lacks is attributed to
            a container without a kill first.
    """
    if not counted.counts_groups:
        return list(logged), [
            "this kernel does not count group kills: their number is from its log"
        ]
    kills, remarks = list(logged), []
    for uid, count in counted.pods.items():
        of_log = [kill for kill in logged if kill.place.pod == uid]
        missing = count.incidents - len(of_log)
        if missing > 0:
            kills += _unlogged(uid, missing, of_log, containers.get(uid, ()))
            remarks.append(f"the log lacks {missing} of {count.incidents} kills in pod {uid}")
        elif missing < 0:
            remarks.append(f"the log has {-missing} more kills than the counters in pod {uid}")
    unseen = _total(counted) - len(kills)
    if unseen > 0:
        kills += [Kill(NOWHERE, None)] * unseen
        remarks.append(f"{unseen} kills below kubepods belong to no known pod")
    elif unseen < 0:
        remarks.append(f"kubepods counted {-unseen} fewer kills than its pods and the log")
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
