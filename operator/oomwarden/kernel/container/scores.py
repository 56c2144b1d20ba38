"""Apply a score plan to the processes of a container, in rounds until none is left to change."""

import time
from functools import partial

from oomwarden.core.enforcement.plan import ScanOutcome, ScorePlan
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.kernel.cgroup.members import PartialPids, list_pids, open_container
from oomwarden.kernel.container.score_scan import ScoreScan
from oomwarden.kernel.proc.cmdline import CommandLines
from oomwarden.kernel.roots import HostRoots

MAX_ROUNDS = 16
"""Bounds the race against a container that forks constantly; the next scan continues."""
MAX_SECONDS = 1.0
"""Bounds a scan of very many processes. It is less than the worker's time-out, so that a call
which exceeds the time-out really hangs."""


def apply_plan(
    roots: HostRoots,
    cgroup: Cgroup,
    plan: ScorePlan,
    known: frozenset[int],
    commands: CommandLines | None = None,
) -> ScanOutcome:
    """Write the plan's score to every process of a container that has no score of its own.

    A child forked before its parent was changed has the old score, and appears in the list of the
    next round. So the scan ends with a round that finds no new process and changes none. Each
    round reads only the processes that earlier rounds have not read.

    Args:
        roots: The cgroup2 mount and the host's /proc.
        cgroup: The container's cgroup.
        plan: What to write, and over which scores.
        known: PIDs with the right value at the last scan. They are not read, unless the plan has
            rules, since command lines can change. They are read last, so that a scan that cannot
            reach all processes continues where the previous one stopped.
        commands: Reads the command lines that rules need; by default of all processes.

    Raises:
        CgroupGoneError: The container is gone.
        ScanAbandonedError: The caller has stopped waiting. Nothing was written since then.
    """
    with open_container(roots.cgroups, cgroup) as directory:
        first = list_pids(directory)
        live, unreached = frozenset(first), isinstance(first, PartialPids)
        if live <= known and not plan.rules and not plan.own:
            return ScanOutcome(plan.target, in_effect=live, cgroups_skipped=unreached)
        until = time.monotonic() + MAX_SECONDS
        scan = ScoreScan(plan, commands or CommandLines(), until, partial(list_pids, directory))
        scan.own.record_chosen(roots.proc, first, until)
        scan.known = frozenset() if plan.rules or plan.own else known & live
        unread = live - scan.known
        for _ in range(MAX_ROUNDS):
            moved = scan.round(roots.proc, sorted(unread, key=lambda pid: (pid in known, pid)))
            if unreached and not scan.late:  # the next list would contain other processes
                return scan.outcome(live, complete=True, unreached=True)
            again = frozenset(list_pids(directory))
            if scan.late:
                break
            if not moved and again <= live:
                return scan.outcome(live, complete=True, unreached=unreached)
            if time.monotonic() > until:
                break
            live, unread = again, again - scan.found.keys() - scan.known
        return scan.outcome(live, complete=False, unreached=unreached)
