"""Scores are set and restored in nested and threaded cgroups; and a pid is reused."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cgroups
from cgroups import ROOT
from node import Hogs, KernelNode, fresh_node
from oomwarden.core.enforcement.plan import ScanOutcome, ScorePlan
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.container.scores import apply_plan
from oomwarden.kernel.proc.process import Process, ProcRoot
from oomwarden.kernel.roots import HostRoots

RESERVED = 300
"""The kernel assigns pids below this only once (Linux kernel/pid.c, RESERVED_PIDS)."""
FEW = 2 * RESERVED
"""The pid limit: more than the reserved pids and the running processes."""
HOST_ROOTS = HostRoots(CgroupRoot(ROOT), ProcRoot(Path("/proc")))


def check_scores(hogs: Hogs) -> dict[str, Any]:
    with fresh_node(hogs, agents=()) as node:
        app, other = node.pod("app", "other").containers.values()
        paths = (app.path, f"{app.path}/container", f"{app.path}/container/deeper")
        for path in paths[1:]:
            (ROOT / path).mkdir()
        pids = [_idle(node, path, 899) for path in paths] + [_idle(node, app.path, 7)]
        down = ScorePlan(-500, frozenset({899}))
        first = _scan(app.path, down)
        lowered = [_score(pid) for pid in pids]
        again = _scan(app.path, down, first.in_effect)
        back = _scan(app.path, ScorePlan(899, frozenset({-500})))
        threaded = f"{other.path}/threads"
        (ROOT / threaded).mkdir()
        cgroups.write(threaded, "cgroup.type", "threaded")
        pid = _idle(node, other.path, 899)
        cgroups.write(threaded, "cgroup.threads", pid)
        return {
            "lowered": lowered,
            "changed": first.changed,
            "own": first.own,
            "again": again.changed,
            "complete": back.complete,
            "back": [_score(pid) for pid in pids],
            "threads": _scan(other.path, down).in_effect == {pid},
        }


def check_reused_pid(hogs: Hogs) -> dict[str, Any]:
    """Between the scan's read and its write, the process dies and another one gets its pid.

    Once after the first read, before the list is read again; and once after the last read.
    """
    with fresh_node(hogs, agents=()) as node, _few_pids():
        return {"first": _dying_after(node, 1), "last": _dying_after(node, 2)}


def _dying_after(node: KernelNode, number: int) -> dict[str, Any]:
    app = node.pod("app").containers["app"]
    old = _reusable(899)
    cgroups.write(app.path, "cgroup.procs", old)
    heirs: list[int] = []
    reads: list[int] = []
    read = Process.score

    def read_and_die(process: Process) -> int:
        found = read(process)
        reads.append(process.pid)
        if not heirs and reads.count(old) == number:
            _end(old)
            heirs.append(_heir_of(old))
        return found

    Process.score = read_and_die  # type: ignore[assignment, method-assign]
    try:
        outcome = _scan(app.path, ScorePlan(-500, frozenset({899})))
    finally:
        Process.score = read  # type: ignore[method-assign]
    try:
        return {
            "same pid": heirs == [old],
            "heir": _score(old),
            "changed": outcome.changed,
            "holding": sorted(outcome.in_effect),
            "failures": outcome.failures,
        }
    finally:
        _end(old)


@contextmanager
def _few_pids() -> Iterator[None]:
    """Lower pid_max, so that pids are reused soon."""
    most = Path("/proc/sys/kernel/pid_max")
    before = most.read_text()
    most.write_text(str(FEW))
    try:
        yield
    finally:
        most.write_text(before)


def _heir_of(pid: int) -> int:
    """Start processes until one gets this pid."""
    while (child := _waiting(7)) != pid:
        _end(child)
    return child


def _reusable(adj: int) -> int:
    """Start a process whose pid can be reused, which reserved pids cannot."""
    while (child := _waiting(adj)) < RESERVED:
        _end(child)
    return child


def _waiting(adj: int) -> int:
    pid = os.fork()
    if pid == 0:
        while True:
            signal.pause()
    Path(f"/proc/{pid}/oom_score_adj").write_text(str(adj))
    return pid


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _idle(node: KernelNode, path: str, adj: int) -> int:
    pid = node.spawn(path, ["sleep"], adj=adj)
    while _score(pid) != adj:
        time.sleep(0.01)
    return pid


def _scan(path: str, plan: ScorePlan, known: frozenset[int] = frozenset()) -> ScanOutcome:
    cgroup = Cgroup((ROOT / path).stat().st_ino, path, Level.CONTAINER)
    return apply_plan(HOST_ROOTS, cgroup, plan, known)


def _score(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())
