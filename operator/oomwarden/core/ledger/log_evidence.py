"""Which containers the kernel log names, and by how much each kill may have raised `oom_kill`.

The counters say how many kills there were. The log says where they happened if a container was
removed before its counters were read.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from oomwarden.core.kernel_log.kills import LogKill, kills_in
from oomwarden.core.ledger.account import Attribution
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level
from oomwarden.core.parse.cgroup_paths import cannot_be_container, container_id, pod_uid


class LogEvidence(Struct, frozen=True):
    """A kill that the log places in a container.

    A group kill counts its first victim twice, unless that one's memory is gone by then (Linux
    mm/oom_kill.c, oom_kill_process).

    Attributes:
        least: By how much it raised `oom_kill` at least.
        most: By how much it raised `oom_kill` at most.
        group_counted: Whether these are further victims of a group kill that `oom_group_kill`
            already counts.
    """

    pod: Cgroup
    container: Cgroup
    least: int
    most: int
    group_counted: bool = False

    @property
    def is_group(self) -> bool:
        """Whether it is a group kill that is not yet counted as one."""
        return self.most > self.least and not self.group_counted


def evidence_below(level: Cgroup, log: Iterable[LogKill]) -> list[LogEvidence]:
    """Return the kills that the log places in containers below a cgroup, the oldest first."""
    found: list[LogEvidence] = []
    for kill in kills_in(level.path, list(log)):
        place, (least, most) = locate(level, kill), counter_increments(kill)
        if place is not None and most:
            found.append(LogEvidence(*place, least, most))
    return found


def locate(level: Cgroup, kill: LogKill) -> tuple[Cgroup, Cgroup] | None:
    """Return the pod and the container that a kill happened in, as the kernel's path names them.

    Returns:
        Both without an inode (0). A cgroup of the pod that is no container, such as conmon's, has
        no container id. None if the path names neither.
    """
    leaf = level.path.rsplit("/", 1)[-1]
    names = (kill.victim_cgroup or "").partition(f"/{leaf}/")[2].split("/")
    if level.level is Level.POD:
        pod, name = level, names[0]
    else:
        uid = pod_uid(names[0])
        pod = Cgroup(0, f"{level.path}/{names[0]}", Level.POD, uid)
        name = names[1] if uid and len(names) > 1 else ""
    found = container_id(name)
    if not name or (found is None and not cannot_be_container(name)):
        return None
    return pod, Cgroup(0, f"{pod.path}/{name}", Level.CONTAINER, pod.pod_uid, found)


def counter_increments(kill: LogKill) -> tuple[int, int]:
    """Return by how much a kill raised `oom_kill` at least, and at most."""
    victims = len(kill.victims)
    return victims, victims + (kill.group_path is not None)


def kills_within(kills: Sequence[LogKill], size: int, groups: int) -> list[LogKill]:
    """Return the oldest kills that fit into a counter range, at least one.

    Args:
        kills: The kills of one container in the log, the oldest first.
        size: By how much `oom_kill` rose.
        groups: By how much `oom_group_kill` rose. A kernel before 5.17 does not count group kills:
            0.
    """
    fitting: list[LogKill] = []
    left, left_groups = size, groups
    for kill in kills:
        counted = left_groups > 0 and kill.group_path is not None
        left, left_groups = left - max(counter_increments(kill)[1], 1), left_groups - counted
        if left < 0 and fitting and not counted:
            break
        fitting.append(kill)
    return fitting


def distribute(
    increment: KillCounters, evidence: Sequence[LogEvidence], recorded: Mapping[str, KillCounters]
) -> tuple[list[Attribution], int]:
    """Distribute an increment of a pod's or a level's counters among the containers in the log.

    Example: A pod counted 5 kills in 2 group kills beyond its containers' own counters. The log
    shows a group kill of one process in A (1 or 2 increments), then one of two processes in B (2 or
    3). Each gets its least first: A 1, B 2. The other 2 go to the oldest up to its most, then to
    the next one: A 2, B 3. With 6 kills, 1 would be left unexplained. If A's own counters showed 2
    kills in 1 group kill, its line would be used up: B would get 3, and 2 would be left.

    Args:
        increment: What is to be distributed.
        evidence: Kills that the log shows, the oldest first. The newest may not be in the counters
            yet. So the oldest come first, and no more group kills than `oom_group_kill` counts (0:
            a kernel before 5.17, which does not count them).
        recorded: What the counters of a container show by themselves, by its path: as many of its
            oldest kills in the log are used up.

    Returns:
        The shares, and the number of kills that the log does not explain.
    """
    paths = list(dict.fromkeys(one.container.path for one in evidence))
    fresh = [
        one for path in paths for one in _unused(path, evidence, recorded.get(path, KillCounters()))
    ]
    fresh.sort(key=evidence.index)
    fresh = _without_counted_part(fresh, evidence, recorded)
    groups = [one for one in fresh if one.is_group][: increment.oom_group_kill or None]
    singles = [one for one in fresh if not one.is_group]
    torn = [
        one
        for path in paths
        for one in _uncounted(path, evidence, recorded.get(path, KillCounters()))
    ]
    kills, left = _fill(max(increment.oom_kill, 0), [*torn, *groups], singles)
    shares: dict[str, Attribution] = {}
    for one, size in kills:
        path = one.container.path
        share = shares.get(path, Attribution(0, 0, one.pod, one.container))
        shares[path] = replace(share, kills=share.kills + size, groups=share.groups + one.is_group)
    return list(shares.values()), left


def _unused(
    path: str, evidence: Sequence[LogEvidence], recorded: KillCounters
) -> list[LogEvidence]:
    """Return a container's kills without the oldest ones, which are recorded."""
    own = [one for one in evidence if one.container.path == path]
    groups = [one for one in own if one.is_group]
    singles = [one for one in own if not one.is_group]
    in_groups = groups[: recorded.oom_group_kill]
    alone = max(recorded.oom_kill - sum(one.most for one in in_groups), 0)
    if not recorded.oom_group_kill:
        while groups and alone >= groups[0].most:
            alone -= groups.pop(0).most
        return groups + singles[alone:]
    return groups[recorded.oom_group_kill :] + singles[alone:]


def _uncounted(
    path: str, evidence: Sequence[LogEvidence], recorded: KillCounters
) -> list[LogEvidence]:
    """Return the victims of a container's group kills that its last reading came too early for.

    Each line of the log stands for a kill that was counted before the line was printed.
    """
    own = [one for one in evidence if one.container.path == path and one.is_group]
    counted = own[: recorded.oom_group_kill]
    least = sum(one.least for one in counted) - recorded.oom_kill
    most = sum(one.most for one in counted) - recorded.oom_kill
    return [replace(counted[-1], least=least, most=most, group_counted=True)] if least > 0 else []


def _without_counted_part(
    fresh: Sequence[LogEvidence],
    evidence: Sequence[LogEvidence],
    recorded: Mapping[str, KillCounters],
) -> list[LogEvidence]:
    """Take off a group kill what was read of it before it was counted as one.

    If the log has another kill of the container, what was read may be that one.
    """
    left, kills = list(fresh), Counter(one.container.path for one in evidence)
    for index, one in enumerate(left):
        own = recorded.get(one.container.path, KillCounters())
        alone = kills[one.container.path] == 1
        if alone and one.is_group and own.oom_group_kill == 0 and own.oom_kill < one.most:
            least, most = one.least - own.oom_kill, one.most - own.oom_kill
            left[index] = replace(one, least=max(least, 0), most=most)
    return left


def _fill(
    total: int, groups: Sequence[LogEvidence], singles: Sequence[LogEvidence]
) -> tuple[list[tuple[LogEvidence, int]], int]:
    """Fill each group kill up to its least, then to its most, then the single kills."""
    filled: list[tuple[LogEvidence, int]] = []
    left = total
    for one in groups:
        filled.append((one, min(one.least, left)))
        left -= filled[-1][1]
    for index, (one, size) in enumerate(filled):
        more = min(one.most - one.least, left) if size == one.least else 0
        filled[index], left = (one, size + more), left - more
    for one in singles:
        filled.append((one, min(one.least, left)))
        left -= filled[-1][1]
    return [(one, size) for one, size in filled if size > 0], left
