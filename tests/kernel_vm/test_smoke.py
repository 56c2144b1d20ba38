"""A real kernel kills, and oomwarden's own reader counts it."""

import json

from e2e.lab.kernel_vm import run_in_vm

SCRIPT = """
import json, os, signal, subprocess, sys
from pathlib import Path
from oomwarden.core.flat_keyed import parse_memory_events
from oomwarden.kernel.cgroup import CgroupRoot, read_at

LIMIT = 32 << 20
cgroup = Path("/sys/fs/cgroup/victim")
cgroup.mkdir()
(cgroup / "memory.max").write_text(str(LIMIT))

def enter():
    (cgroup / "cgroup.procs").write_text(str(os.getpid()))

def counters():
    directory = CgroupRoot(Path("/sys/fs/cgroup")).open_directory("victim")
    return parse_memory_events(read_at(directory, "memory.events")).oom_kill

before = counters()
hog = subprocess.run([sys.executable, "-c", "bytearray(200 << 20)"], preexec_fn=enter)
print(json.dumps({"signal": -hog.returncode, "before": before, "after": counters()}))
"""


def test_a_process_over_its_cgroups_limit_is_killed_and_counted() -> None:
    done = run_in_vm(SCRIPT)
    assert done.exit_code == 0, done.console
    seen = json.loads(done.stdout)
    assert seen["signal"] == 9
    assert (seen["before"], seen["after"]) == (0, 1)
    assert "Memory cgroup out of memory: Killed process" in done.console
