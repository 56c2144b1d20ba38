"""Scores in nested and threaded cgroups, with a fork in between, and back."""

import time
from pathlib import Path
from typing import Any

import cgroups
from cgroups import ROOT
from oomwarden.core.facts import Cgroup, Level
from oomwarden.core.plan import Order, Outcome
from oomwarden.kernel.apply import carry_out
from oomwarden.kernel.cgroup import CgroupRoot
from oomwarden.kernel.process import ProcRoot
from world import Hogs, World, world


def check_scores(hogs: Hogs) -> dict[str, Any]:
    with world(hogs, agents=()) as node:
        app, other = node.pod("app", "other").containers.values()
        paths = (app.path, f"{app.path}/container", f"{app.path}/container/deeper")
        for path in paths[1:]:
            (ROOT / path).mkdir()
        pids = [_idle(node, path, 899) for path in paths] + [_idle(node, app.path, 7)]
        down = Order(-500, frozenset({899}))
        first = _scan(app.path, down)
        lowered = [_score(pid) for pid in pids]
        again = _scan(app.path, down, first.holding)
        back = _scan(app.path, Order(899, frozenset({-500})))
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
            "threads": _scan(other.path, down).holding == {pid},
        }


def _idle(node: World, path: str, adj: int) -> int:
    pid = node.spawn(path, ["sleep"], adj=adj)
    while _score(pid) != adj:
        time.sleep(0.01)
    return pid


def _scan(path: str, order: Order, known: frozenset[int] = frozenset()) -> Outcome:
    cgroup = Cgroup((ROOT / path).stat().st_ino, path, Level.CONTAINER)
    return carry_out(CgroupRoot(ROOT), ProcRoot(Path("/proc")), cgroup, order, known)


def _score(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())
