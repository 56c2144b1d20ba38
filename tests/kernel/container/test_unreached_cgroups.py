import subprocess
from pathlib import Path

import pytest
from oomwarden.core.enforcement.plan import ScorePlan
from oomwarden.kernel.cgroup import walk as nested_cgroups
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.container.scores import apply_plan, unchanged
from oomwarden.kernel.proc.process import ProcRoot
from oomwarden.kernel.roots import HostRoots

from tests.support.containers import container, fill

GIVEN = int(Path("/proc/self/oom_score_adj").read_text())
ORDER = ScorePlan(min(GIVEN + 300, 1000), frozenset({GIVEN}))


def test_a_container_whose_cgroups_cannot_all_be_visited_is_not_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nested_cgroups, "MAX_CGROUPS", 1)
    root, places = CgroupRoot(tmp_path), HostRoots(CgroupRoot(tmp_path), ProcRoot(Path("/proc")))
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        cgroup = container(tmp_path, child.pid)
        fill(tmp_path / "app/a")
        fill(tmp_path / "app/b")
        outcome = apply_plan(places, cgroup, ORDER, frozenset())
        assert (outcome.changed, outcome.complete, outcome.unreached) == (1, True, True)
        assert not outcome.whole
        known = apply_plan(places, cgroup, ORDER, outcome.holding)
        child.communicate()
    assert (known.holding, known.whole) == (outcome.holding, False)
    assert unchanged(root, [(cgroup, outcome.holding)]) == {}, "the scan says why"
