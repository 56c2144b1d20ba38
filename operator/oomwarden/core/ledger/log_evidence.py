"""Which containers the kernel log names, and how far each kill may have raised `oom_kill`.

The log places what vanished unread; how much there is to place, the counters say.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from oomwarden.core.kernel_log.kills import LogKill, kills_in
from oomwarden.core.ledger.account import KillCounters
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.parse.cgroup_paths import container_id, is_outsider, pod_uid


@dataclass(frozen=True, slots=True)
class LogEvidence:
    """A kill that the log places in a container: it raised `oom_kill` by `least..most`.

    A group kill counts its first victim twice, unless that one's memory is gone by then (Linux
    mm/oom_kill.c, oom_kill_process). `told`: it stands for victims of a group kill that is
    counted as one already.
    """

    pod: Cgroup
    container: Cgroup
    least: int
    most: int
    told: bool = False

    @property
    def is_group(self) -> bool:
        """Whether memory.oom.group made it a group kill, and nothing tells of that yet."""
        return self.most > self.least and not self.told


@dataclass(frozen=True, slots=True)
class EvidenceShare:
    """What the log explains of an increment: kills in one container, so many of them in groups."""

    pod: Cgroup
    container: Cgroup
    kills: int
    groups: int


def evidence_below(level: Cgroup, log: Iterable[LogKill]) -> list[LogEvidence]:
    """Find the kills that the log saw in containers below a cgroup, the oldest first."""
    found: list[LogEvidence] = []
    for kill in kills_in(level.path, list(log)):
        place, (least, most) = placed_in(level, kill), counter_increments(kill)
        if place is not None and most:
            found.append(LogEvidence(*place, least, most))
    return found


def placed_in(level: Cgroup, kill: LogKill) -> tuple[Cgroup, Cgroup] | None:
    """Read pod and container out of the kernel's path; neither has an inode any more.

    A cgroup of the pod that is no container, such as conmon's, comes without a container's id.
    """
    leaf = level.path.rsplit("/", 1)[-1]
    names = (kill.place or "").partition(f"/{leaf}/")[2].split("/")
    if level.level is Level.POD:
        pod, name = level, names[0]
    else:
        uid = pod_uid(names[0])
        pod = Cgroup(0, f"{level.path}/{names[0]}", Level.POD, uid)
        name = names[1] if uid and len(names) > 1 else ""
    found = container_id(name)
    if not name or (found is None and not is_outsider(name)):
        return None
    return pod, Cgroup(0, f"{pod.path}/{name}", Level.CONTAINER, pod.pod_uid, found)


def counter_increments(kill: LogKill) -> tuple[int, int]:
    """Give by how much a kill raised `oom_kill` at least and at most."""
    victims = len(kill.victims)
    return victims, victims + (kill.group_path is not None)


def kills_within(kills: Sequence[LogKill], size: int, groups: int) -> list[LogKill]:
    """Take the kills, the oldest first, that a range has room for; one at least.

    Args:
        kills: What the log tells of one container.
        size: By how much `oom_kill` rose.
        groups: How many of these kills were group kills, as `oom_group_kill` says (0 also on a
            kernel before 5.17, which does not count them).
    """
    taken: list[LogKill] = []
    left, left_groups = size, groups
    for kill in kills:
        counted = left_groups > 0 and kill.group_path is not None
        left, left_groups = left - max(counter_increments(kill)[1], 1), left_groups - counted
        if left < 0 and taken and not counted:
            break
        taken.append(kill)
    return taken


def distribute(
    owed: KillCounters, seen: Sequence[LogEvidence], booked: Mapping[str, KillCounters]
) -> tuple[list[EvidenceShare], int]:
    """Share out an increment of a counter; gives the shares, and what the log does not explain.

    `booked` is what is told already of a container, by path: so much of what was seen there is
    used up. The newest kills of the log may not be in the counter yet: the oldest come first, and
    no more group kills than `oom_group_kill` tells of (0: a kernel before 5.17 has no such).
    """
    fresh = [
        one
        for path in _paths(seen)
        for one in _unused(path, seen, booked.get(path, KillCounters()))
    ]
    fresh.sort(key=seen.index)
    fresh = _without_told_part(fresh, booked)
    groups = [one for one in fresh if one.is_group][: owed.oom_group_kill or None]
    singles = [one for one in fresh if not one.is_group]
    halves = [one for path in _paths(seen) for one in _uncounted(path, seen, booked)]
    kills, left = _fill(max(owed.oom_kill, 0), [*halves, *groups], singles)
    shares: dict[str, EvidenceShare] = {}
    for one, got in kills:
        path = one.container.path
        share = shares.get(path, EvidenceShare(one.pod, one.container, 0, 0))
        more = replace(share, kills=share.kills + got, groups=share.groups + one.is_group)
        shares[path] = more
    return list(shares.values()), left


def _paths(seen: Sequence[LogEvidence]) -> list[str]:
    return list(dict.fromkeys(one.container.path for one in seen))


def _unused(path: str, seen: Sequence[LogEvidence], told: KillCounters) -> list[LogEvidence]:
    """Leave out a container's oldest kills: as many as are told."""
    own = [one for one in seen if one.container.path == path]
    groups = [one for one in own if one.is_group]
    singles = [one for one in own if not one.is_group]
    in_groups = groups[: told.oom_group_kill]
    alone = max(told.oom_kill - sum(one.most for one in in_groups), 0)
    if not told.oom_group_kill:
        while groups and alone >= groups[0].most:
            alone -= groups.pop(0).most
        return groups + singles[alone:]
    return groups[told.oom_group_kill :] + singles[alone:]


def _uncounted(
    path: str, seen: Sequence[LogEvidence], booked: Mapping[str, KillCounters]
) -> list[LogEvidence]:
    """Find the victims of a container's group kills that were read before all were counted.

    Each line of the log is one kill that was counted before it was printed.
    """
    told = booked.get(path, KillCounters())
    own = [one for one in seen if one.container.path == path and one.is_group]
    counted = own[: told.oom_group_kill]
    least = sum(one.least for one in counted) - told.oom_kill
    most = sum(one.most for one in counted) - told.oom_kill
    return [replace(counted[-1], least=least, most=most, told=True)] if least > 0 else []


def _without_told_part(
    fresh: Sequence[LogEvidence], booked: Mapping[str, KillCounters]
) -> list[LogEvidence]:
    """Take off a group kill what was read of it before it was counted as one."""
    left = list(fresh)
    for index, one in enumerate(left):
        told = booked.get(one.container.path, KillCounters())
        alone = all(other is one for other in left if other.container.path == one.container.path)
        if alone and one.is_group and told.oom_group_kill == 0 and told.oom_kill < one.most:
            least, most = one.least - told.oom_kill, one.most - told.oom_kill
            left[index] = replace(one, least=max(least, 0), most=most)
    return left


def _fill(
    total: int, groups: Sequence[LogEvidence], singles: Sequence[LogEvidence]
) -> tuple[list[tuple[LogEvidence, int]], int]:
    """Give each group kill its least, then its most, then the single kills what is left."""
    given: list[tuple[LogEvidence, int]] = []
    left = total
    for one in groups:
        given.append((one, min(one.least, left)))
        left -= given[-1][1]
    for index, (one, got) in enumerate(given):
        more = min(one.most - one.least, left) if got == one.least else 0
        given[index], left = (one, got + more), left - more
    for one in singles:
        given.append((one, min(one.least, left)))
        left -= given[-1][1]
    return [(one, got) for one, got in given if got > 0], left
