"""Kills of pods that vanished unread: the log tells which, the counter how many."""

from collections.abc import Sequence
from dataclasses import replace

from oomwarden.core.accounts import Booking
from oomwarden.core.cgroup_paths import container_id, pod_uid
from oomwarden.core.facts import Cgroup, Level
from oomwarden.core.log_kills import LogKill, kills_in


def place_by_log(booking: Booking, log: Sequence[LogKill]) -> list[Booking]:
    """Share out what a level above the pods owes, as the kernel log names the containers.

    The kernel counts each victim of a group kill once and the first one twice (facts of
    mm/oom_kill.c). Where that does not add up to the counter, nothing is shared out, unless
    there is but one container to take it.
    """
    placed = [(kill, found) for kill in kills_in(booking.account.path, list(log))
              if (found := _container(kill, booking.account))]  # fmt: skip
    weights = [_increments(kill) for kill, _ in placed]
    total = booking.end - booking.start
    if len(placed) == 1:
        weights = [total]
    if not placed or sum(weights) != total:
        return [booking]
    shares: list[Booking] = []
    start = booking.start
    for (kill, (pod, container)), weight in zip(placed, weights, strict=True):
        groups = int(kill.group_path is not None)
        share = replace(
            booking, start=start, end=start + weight, pod=pod, container=container,
            candidates=(), group_kills=groups,
        )  # fmt: skip
        shares.append(share)
        start += weight
    return shares


def _increments(kill: LogKill) -> int:
    return len(kill.victims) + (kill.group_path is not None)


def _container(kill: LogKill, level: Cgroup) -> tuple[Cgroup, Cgroup] | None:
    """Read pod and container out of the kernel's path; neither has an inode any more."""
    leaf = level.path.rsplit("/", 1)[-1]
    pod_name, _, below = (kill.place or "").partition(f"/{leaf}/")[2].partition("/")
    name = below.split("/")[0]
    uid, found = pod_uid(pod_name), container_id(name)
    if uid is None or found is None:
        return None
    pod = Cgroup(0, f"{level.path}/{pod_name}", Level.POD, uid)
    return pod, Cgroup(0, f"{pod.path}/{name}", Level.CONTAINER, uid, found)
