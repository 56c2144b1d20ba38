"""Scores on a real kernel with cgroup v2: nested and threaded cgroups, a fork in between."""

import json

from e2e.lab.kernel_vm import run_in_vm

SCRIPT = """
import json, subprocess
from pathlib import Path
from oomwarden.core.facts import Cgroup, Level
from oomwarden.core.plan import Order
from oomwarden.kernel.apply import carry_out
from oomwarden.kernel.cgroup import CgroupRoot
from oomwarden.kernel.process import ProcRoot

root = Path("/sys/fs/cgroup")
top, nested, deeper = root / "app", root / "app/container", root / "app/container/deeper"
other, threaded = root / "other", root / "other/threads"
for path in (top, nested, deeper, other, threaded):
    path.mkdir()

def spawn(cgroup, score):
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    Path(f"/proc/{child.pid}/oom_score_adj").write_text(str(score))
    (cgroup / "cgroup.procs").write_text(str(child.pid))
    return child.pid

def scan(path, order, known=frozenset()):
    cgroup = Cgroup(path.stat().st_ino, path.name, Level.CONTAINER)
    return carry_out(CgroupRoot(root), ProcRoot(Path("/proc")), cgroup, order, known)

def score(pid):
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())

pids = [spawn(top, 899), spawn(nested, 899), spawn(deeper, 899), spawn(top, 7)]
down = Order(-500, frozenset({899}))
first = scan(top, down)
lowered = [score(pid) for pid in pids]
again = scan(top, down, first.holding)
back = scan(top, Order(899, frozenset({-500})))

pid = spawn(other, 899)
(threaded / "cgroup.type").write_text("threaded")
(threaded / "cgroup.threads").write_text(str(pid))
threads = scan(other, down)
print(json.dumps({
    "lowered": lowered, "changed": first.changed, "own": first.own,
    "again": again.changed, "threads": threads.holding == {pid}, "complete": back.complete,
    "back": [score(pid) for pid in pids],
}))
"""


def test_scores_hold_in_nested_and_threaded_cgroups_and_go_back() -> None:
    done = run_in_vm(SCRIPT)
    assert done.exit_code == 0, done.console
    assert json.loads(done.stdout) == {
        "lowered": [-500, -500, -500, 7],
        "changed": 3,
        "own": 1,
        "again": 0,
        "threads": True,
        "complete": True,
        "back": [899, 899, 899, 7],
    }
