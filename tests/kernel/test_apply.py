"""Orders carried out on real processes in fake cgroups."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from containers import container, fill
from oomwarden.core.facts import Cgroup, Level
from oomwarden.core.plan import Order, Outcome
from oomwarden.kernel import apply
from oomwarden.kernel.apply import MAX_ROUNDS, carry_out, unchanged
from oomwarden.kernel.cgroup import CgroupGoneError, CgroupRoot
from oomwarden.kernel.process import Process, ProcRoot

PROC = ProcRoot(Path("/proc"))
GIVEN = int(Path("/proc/self/oom_score_adj").read_text())
TARGET, OLDER, OWN = (min(GIVEN + step, 1000) for step in (300, 200, 100))
ORDER = Order(TARGET, frozenset({GIVEN, OLDER}))

Spawn = Callable[..., int]


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    children: list[subprocess.Popen[bytes]] = []

    def start(score: int = GIVEN) -> int:
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        children.append(child)
        Path(f"/proc/{child.pid}/oom_score_adj").write_text(str(score))
        return child.pid

    yield start
    for child in children:
        child.communicate()


def score(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def run(root: Path, cgroup: Cgroup, known: frozenset[int] = frozenset()) -> Outcome:
    return carry_out(CgroupRoot(root), PROC, cgroup, ORDER, known)


def test_the_baseline_and_values_of_ours_are_written_over(tmp_path: Path, spawn: Spawn) -> None:
    fresh, older, holding, own = (spawn(each) for each in (GIVEN, OLDER, TARGET, OWN))
    outcome = run(tmp_path, container(tmp_path, fresh, older, holding, own))
    assert [score(pid) for pid in (fresh, older, holding, own)] == [TARGET, TARGET, TARGET, OWN]
    assert outcome.holding == {fresh, older, holding}
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
    assert outcome.holding == {parent, child}
    assert score(child) == TARGET


def test_a_container_that_forks_without_end_is_left_for_the_next_scan(
    tmp_path: Path, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = spawn(TARGET)
    numbers = iter(range(10_000_000, 20_000_000))
    monkeypatch.setattr(apply, "pids", lambda _: [pid, next(numbers)])
    outcome = run(tmp_path, container(tmp_path, pid))
    assert not outcome.complete
    assert next(numbers) == 10_000_000 + MAX_ROUNDS + 1


def test_processes_that_vanish_are_nothing_to_tell(tmp_path: Path) -> None:
    outcome = run(tmp_path, container(tmp_path, 2**22 + 1))
    assert outcome == Outcome(TARGET)


def test_a_missing_capability_is_a_finding_and_the_others_go_on(
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
    assert (outcome.failures, outcome.holding) == (1, {fine})
    assert outcome.failure == "PermissionError: Permission denied"


def test_when_all_are_known_to_hold_nothing_is_read_of_them(
    tmp_path: Path, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = spawn(TARGET)
    cgroup = container(tmp_path, pid)
    with monkeypatch.context() as untouchable:
        untouchable.setattr(ProcRoot, "open", None)
        assert run(tmp_path, cgroup, frozenset({pid, 7})) == Outcome(TARGET, frozenset({pid}))
    assert run(tmp_path, cgroup, frozenset({7})).holding == {pid}


def test_a_container_that_is_gone_is_said_so(tmp_path: Path) -> None:
    cgroup = container(tmp_path, 1)
    (tmp_path / "app").rename(tmp_path / "elsewhere")
    with pytest.raises(CgroupGoneError):
        run(tmp_path, cgroup)


def test_many_containers_are_listed_at_once_and_only_the_unchanged_are_given(
    tmp_path: Path,
) -> None:
    paths = {name: fill(tmp_path / name, 5, 6) for name in ("same", "grown", "gone")}
    asked = [
        (Cgroup(path.stat().st_ino, name, Level.CONTAINER), frozenset({5, 6, 7}))
        for name, path in paths.items()
    ]
    fill(paths["grown"], 5, 8)
    paths["gone"].rename(tmp_path / "elsewhere")
    found = unchanged(CgroupRoot(tmp_path), asked)
    assert found == {paths["same"].stat().st_ino: frozenset({5, 6})}
