"""Which containers are as they were."""

import os
import subprocess
from pathlib import Path

import pytest
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.kernel.cgroup import walk
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.member_files import MemberFiles
from oomwarden.kernel.container.quiet_look import QuietContainer, find_unchanged
from oomwarden.kernel.proc.process import ProcRoot

from tests.support.containers import container, fill

PROC = ProcRoot(Path("/proc"))
MINE = int(Path("/proc/self/oom_score_adj").read_text())
NO_PROCESS = 1 << 30


def test_only_unchanged_containers_are_returned(tmp_path: Path) -> None:
    paths = {name: fill(tmp_path / name, 5, 6) for name in ("same", "grown", "gone")}
    containers = [
        QuietContainer(Cgroup(path.stat().st_ino, name, Level.CONTAINER), frozenset({5, 6, 7}))
        for name, path in paths.items()
    ]
    fill(paths["grown"], 5, 8)
    paths["gone"].rename(tmp_path / "elsewhere")
    found = find_unchanged(MemberFiles(CgroupRoot(tmp_path)), PROC, containers)
    assert found == {paths["same"].stat().st_ino: frozenset({5, 6})}


def test_the_score_of_every_process_is_read_where_it_must_be(tmp_path: Path) -> None:
    members, me = MemberFiles(CgroupRoot(tmp_path)), os.getpid()
    cgroup = container(tmp_path, me)

    def holds(score: int) -> bool:
        return bool(find_unchanged(members, PROC, [QuietContainer(cgroup, frozenset(), score)]))

    assert (holds(MINE), holds(MINE - 1)) == (True, False)
    fill(tmp_path / "app", me, NO_PROCESS)
    assert not holds(MINE)


def test_a_container_with_unvisited_cgroups_is_left_to_its_own_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "MAX_CGROUPS", 1)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        cgroup = container(tmp_path, child.pid)
        fill(tmp_path / "app/a")
        fill(tmp_path / "app/b")
        quiet = [QuietContainer(cgroup, frozenset({child.pid}))]
        assert find_unchanged(MemberFiles(CgroupRoot(tmp_path)), PROC, quiet) == {}
        child.communicate()


def test_a_call_that_nobody_waits_for_closes_its_files(tmp_path: Path) -> None:
    members, cgroup = MemberFiles(CgroupRoot(tmp_path)), container(tmp_path, 5)
    members.abandoned = True
    assert find_unchanged(members, PROC, [QuietContainer(cgroup, frozenset({5}))])
    assert not members.has_others(())
