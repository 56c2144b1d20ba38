"""Scores that processes set themselves, with real processes in fake cgroups."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from oomwarden.core.enforcement.own_scores import MAX_OWN_SCORES, OwnScore
from oomwarden.core.enforcement.plan import ScanOutcome, ScorePlan
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.policy.process_rules import ProcessTarget
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.container.scores import apply_plan
from oomwarden.kernel.proc.process import ProcRoot
from oomwarden.kernel.roots import HostRoots

from tests.support.containers import container, fill

PROC = Path("/proc")
INITIAL = int((PROC / "self/oom_score_adj").read_text())
RULES_SCORE, OWN, OTHER_OWN = (min(INITIAL + step, 1000) for step in (400, 100, 150))
NAMED = (ProcessTarget("*", RULES_SCORE),)
OVERRIDING = ScorePlan(INITIAL, frozenset({INITIAL, RULES_SCORE}), NAMED, saves_own=True)
RESTORING = ScorePlan(INITIAL, frozenset({RULES_SCORE}))


class Family:
    """A shell that forks when it reads a line."""

    def __init__(self) -> None:
        script = "read _; cat <&3 >/dev/null & wait"
        self.parent = subprocess.Popen(
            ["sh", "-c", f"exec 3<&0; {script}"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        while b"read" not in (PROC / f"{self.parent.pid}/cmdline").read_bytes():
            continue

    def fork(self) -> int:
        assert self.parent.stdin is not None
        self.parent.stdin.write(b"now\n")
        self.parent.stdin.flush()
        children = PROC / f"{self.parent.pid}/task/{self.parent.pid}/children"
        while not (found := children.read_text().split()):
            continue
        while not (PROC / f"{found[0]}/cmdline").read_bytes().startswith(b"cat"):
            continue
        return int(found[0])


@pytest.fixture
def family() -> Iterator[Family]:
    found = Family()
    yield found
    found.parent.communicate()


def score(pid: int) -> int:
    return int((PROC / f"{pid}/oom_score_adj").read_text())


def start(pid: int) -> int:
    with ProcRoot(PROC).open(pid) as process:
        return process.start_time()


def run(root: Path, cgroup: Cgroup, plan: ScorePlan) -> ScanOutcome:
    return apply_plan(HostRoots(CgroupRoot(root), ProcRoot(PROC)), cgroup, plan, frozenset())


def test_an_own_score_is_overridden_once_saved_and_restored_later(
    tmp_path: Path, family: Family
) -> None:
    pid = family.parent.pid
    (PROC / f"{pid}/oom_score_adj").write_text(str(OWN))
    cgroup = container(tmp_path, pid)
    first = run(tmp_path, cgroup, OVERRIDING)
    assert (score(pid), first.unsaved, first.complete) == (OWN, 1, False)
    own = {pid: OwnScore(start(pid), OWN)}
    assert first.own_scores == own
    second = run(tmp_path, cgroup, replace(OVERRIDING, own=own))
    assert (score(pid), second.unsaved, second.complete) == (RULES_SCORE, 0, True)
    assert second.own_scores == own
    third = run(tmp_path, cgroup, replace(RESTORING, own=own))
    assert (score(pid), third.own_scores, third.own) == (OWN, {}, 1)


def test_the_last_score_a_process_set_itself_is_kept(tmp_path: Path, family: Family) -> None:
    pid = family.parent.pid
    cgroup, own = container(tmp_path, pid), {pid: OwnScore(start(pid), OWN)}
    (PROC / f"{pid}/oom_score_adj").write_text(str(OTHER_OWN))
    found = run(tmp_path, cgroup, replace(OVERRIDING, own=own))
    assert (score(pid), found.unsaved) == (OTHER_OWN, 1)
    assert found.own_scores == {pid: OwnScore(start(pid), OTHER_OWN)}
    left = run(tmp_path, cgroup, replace(RESTORING, own=own))
    assert (score(pid), left.own_scores) == (OTHER_OWN, {}), "the score that it set itself stays"


def test_a_forks_score_is_restored_to_its_parents_own_score(tmp_path: Path, family: Family) -> None:
    parent = family.parent.pid
    own = {parent: OwnScore(start(parent), OWN)}
    (PROC / f"{parent}/oom_score_adj").write_text(str(RULES_SCORE))
    child = family.fork()
    assert score(child) == RULES_SCORE
    cgroup = container(tmp_path, parent)
    fill(tmp_path / "app", parent, child)
    kept = run(tmp_path, cgroup, replace(OVERRIDING, own=own)).own_scores
    assert kept == own | {child: OwnScore(start(child), OWN)}
    run(tmp_path, cgroup, replace(RESTORING, own=own))
    assert (score(parent), score(child)) == (OWN, OWN)


def test_a_process_that_reuses_a_pid_does_not_get_the_saved_score(
    tmp_path: Path, family: Family
) -> None:
    pid = family.parent.pid
    (PROC / f"{pid}/oom_score_adj").write_text(str(RULES_SCORE))
    older = {pid: OwnScore(start(pid) - 1, OWN)}
    found = run(tmp_path, container(tmp_path, pid), replace(RESTORING, own=older))
    assert (score(pid), found.own_scores) == (INITIAL, {})


def test_own_scores_beyond_the_limit_are_not_overridden_but_counted(
    tmp_path: Path, family: Family
) -> None:
    pid = family.parent.pid
    (PROC / f"{pid}/oom_score_adj").write_text(str(OWN))
    full = {2**22 + each: OwnScore(1, OWN) for each in range(MAX_OWN_SCORES)}
    cgroup = container(tmp_path, pid)
    found = run(tmp_path, cgroup, replace(OVERRIDING, own=full))
    assert (score(pid), found.too_many, found.unsaved, found.own_scores) == (OWN, 1, 0, {})
    assert run(tmp_path, cgroup, OVERRIDING).unsaved == 1, "exited processes make room"
