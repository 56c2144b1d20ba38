import subprocess
from pathlib import Path

import pytest
from oomwarden.core.enforcement.plan import ScorePlan
from oomwarden.kernel.cgroup import walk
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.container.scores import apply_plan
from oomwarden.kernel.proc.process import ProcRoot
from oomwarden.kernel.roots import HostRoots

from tests.support.containers import container, fill

INITIAL = int(Path("/proc/self/oom_score_adj").read_text())
PLAN = ScorePlan(min(INITIAL + 300, 1000), frozenset({INITIAL}))


def test_a_container_with_unvisited_cgroups_is_not_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "MAX_CGROUPS", 1)
    root = CgroupRoot(tmp_path)
    host_roots = HostRoots(root, ProcRoot(Path("/proc")))
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        cgroup = container(tmp_path, child.pid)
        fill(tmp_path / "app/a")
        fill(tmp_path / "app/b")
        outcome = apply_plan(host_roots, cgroup, PLAN, frozenset())
        assert (outcome.changed, outcome.complete, outcome.cgroups_skipped) == (1, True, True)
        assert not outcome.fully_applied
        known = apply_plan(host_roots, cgroup, PLAN, outcome.in_effect)
        child.communicate()
    assert (known.in_effect, known.fully_applied) == (outcome.in_effect, False)
