"""Score plans applied to real processes in fake cgroups."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from oomwarden.core.enforcement.plan import ScanOutcome, ScorePlan
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.policy.process_rules import ProcessTarget
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.container import scores
from oomwarden.kernel.container.scores import MAX_ROUNDS, apply_plan
from oomwarden.kernel.proc.cmdline import CommandLines, ScanAbandonedError
from oomwarden.kernel.proc.process import Process, ProcRoot
from oomwarden.kernel.roots import HostRoots

from tests.support.containers import container, fill

PROC = ProcRoot(Path("/proc"))
INITIAL = int(Path("/proc/self/oom_score_adj").read_text())
TARGET, OTHER, OLDER, OWN = (min(INITIAL + step, 1000) for step in (300, 400, 200, 100))
PLAN = ScorePlan(TARGET, frozenset({INITIAL, OLDER}))

Spawn = Callable[..., int]


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    children: list[subprocess.Popen[bytes]] = []

    def start(score: int = INITIAL, title: str = "cat") -> int:
        child = subprocess.Popen(
            [title], executable="cat", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        proc = Path(f"/proc/{child.pid}")
        children.append(child)
        while not (proc / "cmdline").read_bytes():  # in the middle of exec
            continue
        (proc / "oom_score_adj").write_text(str(score))
        return child.pid

    yield start
    for child in children:
        child.communicate()


def score(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def run(root: Path, cgroup: Cgroup, known: frozenset[int] = frozenset()) -> ScanOutcome:
    return apply_plan(HostRoots(CgroupRoot(root), PROC), cgroup, PLAN, known)


def test_the_baseline_and_oomwardens_values_are_overwritten(tmp_path: Path, spawn: Spawn) -> None:
    fresh, older, holding, own = (spawn(each) for each in (INITIAL, OLDER, TARGET, OWN))
    outcome = run(tmp_path, container(tmp_path, fresh, older, holding, own))
    assert [score(pid) for pid in (fresh, older, holding, own)] == [TARGET, TARGET, TARGET, OWN]
    assert outcome.in_effect == {fresh, older, holding}
    assert (outcome.changed, outcome.own, outcome.complete) == (2, 1, True)


def test_a_child_forked_before_its_parent_was_changed_is_found(
    tmp_path: Path, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, child = spawn(), spawn()
    cgroup = container(tmp_path, parent)
    write = Process.write_score

    def fork_first(process: Process, value: int) -> int:
        fill(tmp_path / "app", parent, child)
        return write(process, value)

    monkeypatch.setattr(Process, "write_score", fork_first)
    outcome = run(tmp_path, cgroup)
    assert outcome.in_effect == {parent, child}
    assert score(child) == TARGET


def test_a_container_that_forks_endlessly_is_left_for_the_next_scan(
    tmp_path: Path, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = spawn(TARGET)
    numbers = iter(range(10_000_000, 20_000_000))
    monkeypatch.setattr(scores, "list_pids", lambda _: [pid, next(numbers)])
    outcome = run(tmp_path, container(tmp_path, pid))
    assert not outcome.complete
    assert next(numbers) == 10_000_000 + MAX_ROUNDS + 1


def test_exited_processes_are_not_reported(tmp_path: Path) -> None:
    outcome = run(tmp_path, container(tmp_path, 2**22 + 1))
    assert outcome == ScanOutcome(TARGET)


def test_a_refused_write_is_reported_and_the_other_processes_are_changed(
    tmp_path: Path, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, fine = spawn(), spawn()
    write = Process.write_score

    def refuse(process: Process, value: int) -> int:
        if process.pid == refused:
            raise PermissionError(13, "Permission denied")
        return write(process, value)

    monkeypatch.setattr(Process, "write_score", refuse)
    outcome = run(tmp_path, container(tmp_path, refused, fine))
    assert (outcome.failures, outcome.in_effect) == (1, frozenset({fine}))
    assert outcome.failure == "PermissionError: Permission denied"


def test_no_process_is_read_if_all_are_known_to_have_the_score(
    tmp_path: Path, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = spawn(TARGET)
    cgroup = container(tmp_path, pid)
    with monkeypatch.context() as untouchable:
        untouchable.setattr(ProcRoot, "open", None)
        assert run(tmp_path, cgroup, frozenset({pid, 7})) == ScanOutcome(TARGET, frozenset({pid}))
    assert run(tmp_path, cgroup, frozenset({7})).in_effect == {pid}


def test_a_removed_container_raises(tmp_path: Path) -> None:
    cgroup = container(tmp_path, 1)
    (tmp_path / "app").rename(tmp_path / "elsewhere")
    with pytest.raises(CgroupGoneError):
        run(tmp_path, cgroup)


WORKER = ProcessTarget("postgres: *", OTHER)
RULES = ScorePlan(TARGET, frozenset({INITIAL, OLDER, TARGET, OTHER}), (WORKER,))


def with_rules(
    root: Path,
    cgroup: Cgroup,
    known: frozenset[int] = frozenset(),
    lines: CommandLines | None = None,
) -> ScanOutcome:
    return apply_plan(HostRoots(CgroupRoot(root), PROC), cgroup, RULES, known, lines)


def test_matching_processes_get_the_rules_score_and_others_the_containers(
    tmp_path: Path, spawn: Spawn
) -> None:
    master, worker, own = spawn(), spawn(title="postgres: idle"), spawn(OWN)
    named = spawn(OWN, "postgres: checkpointer")
    cgroup = container(tmp_path, master, worker, own, named)
    outcome = with_rules(tmp_path, cgroup)
    assert [score(pid) for pid in (master, worker, own, named)] == [TARGET, OTHER, OWN, OTHER]
    assert outcome.in_effect == {master, worker, named}
    assert outcome.rule_matched == {worker, named}
    assert (outcome.changed, outcome.own, outcome.complete) == (3, 1, True)


def test_rules_reread_known_processes_because_titles_change(tmp_path: Path, spawn: Spawn) -> None:
    late = spawn(TARGET, "postgres: idle")
    outcome = with_rules(tmp_path, container(tmp_path, late), frozenset({late}))
    assert score(late) == OTHER
    assert (outcome.changed, outcome.rule_matched) == (1, frozenset({late}))


def test_only_the_needed_part_of_a_title_of_64_kib_is_read(tmp_path: Path, spawn: Spawn) -> None:
    long = spawn(title="postgres: " + "x" * 65536)
    with PROC.open(long) as process:
        assert len(process.command_line(4096)) == 4096
    assert with_rules(tmp_path, container(tmp_path, long)).rule_matched == {long}


def test_a_process_without_command_line_gets_the_containers_score_and_is_reported(
    tmp_path: Path, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = spawn(title="postgres: idle")
    monkeypatch.setattr(Process, "command_line", lambda *_: b"")
    outcome = with_rules(tmp_path, container(tmp_path, pid))
    assert (score(pid), outcome.without_command, outcome.rule_matched) == (
        TARGET,
        frozenset({pid}),
        frozenset(),
    )


def test_a_skipped_process_is_not_read_and_the_others_are_changed(
    tmp_path: Path, spawn: Spawn
) -> None:
    hung, fine = spawn(title="postgres: idle"), spawn(title="postgres: idle")
    cgroup = container(tmp_path, hung, fine)
    outcome = with_rules(tmp_path, cgroup, lines=CommandLines(frozenset({hung})))
    assert [score(hung), score(fine)] == [INITIAL, OTHER]
    assert (outcome.stuck, outcome.in_effect) == (frozenset({hung}), frozenset({fine}))
    assert with_rules(tmp_path, cgroup, lines=CommandLines(None)).stuck == {hung, fine}


def test_an_abandoned_scan_writes_nothing(
    tmp_path: Path, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid, lines = spawn(), CommandLines()

    def late(process: Process, most: int) -> bytes:
        assert (lines.reading_pid, most) == (process.pid, 4096)
        lines.abandoned = True
        return b"cat"

    monkeypatch.setattr(Process, "command_line", late)
    with pytest.raises(ScanAbandonedError):
        with_rules(tmp_path, container(tmp_path, pid), lines=lines)
    assert score(pid) == INITIAL
    assert lines.reading_pid is None


def test_a_slow_scan_stops_and_the_next_one_begins_with_the_unread_processes(
    tmp_path: Path, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = spawn(), spawn()
    cgroup = container(tmp_path, first, second)
    clock = iter([0.0, 0.5, 1.5, 10.0, 10.5, 11.5]).__next__
    monkeypatch.setattr(time, "monotonic", clock)
    begun = run(tmp_path, cgroup)
    assert (begun.complete, len(begun.in_effect)) == (False, 1)
    done = run(tmp_path, cgroup, begun.in_effect)
    assert {score(first), score(second)} == {TARGET}
    assert done.in_effect | begun.in_effect == {first, second}


def test_a_pid_reused_by_another_container_since_the_list_is_not_written(
    tmp_path: Path, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, heir = spawn(), spawn()
    lists = iter([[ours, heir]])
    monkeypatch.setattr(scores, "list_pids", lambda _: next(lists, [ours]))
    outcome = run(tmp_path, container(tmp_path))
    assert (score(ours), score(heir)) == (TARGET, INITIAL)
    assert outcome.in_effect == {ours}
