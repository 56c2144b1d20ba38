"""`make test` prints where its time went, stops at the first failure, and leaves nothing behind."""

import importlib.util
import signal
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def phases() -> ModuleType:
    spec = importlib.util.spec_from_file_location("phases", ROOT / "tools" / "phases.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def makefile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "Makefile"
    path.write_text("good:\n\t@true\nbad:\n\t@exit 3\nlater:\n\t@touch later\n")
    return path


def test_the_table_names_each_phase_with_its_seconds_and_result(phases: ModuleType) -> None:
    done = [phases.Phase("check", 61.2, 0), phases.Phase("e2e", 700.0, 2)]
    lines = phases.table(done, []).splitlines()
    assert "check                61  passed" in lines
    assert "e2e                 700  failed (exit code 2)" in lines
    assert "all                 761" in lines


def test_the_table_ends_with_the_ten_slowest_stories(phases: ModuleType) -> None:
    stories = [{"name": f"story {number}", "seconds": 100.0 - number} for number in range(12)]
    lines = phases.table([phases.Phase("e2e", 1.0, 0)], stories).splitlines()
    assert lines[-10].endswith("100 s  story 0")
    assert lines[-1].endswith("91 s  story 9")


def test_the_table_ends_with_why_stories_failed(phases: ModuleType) -> None:
    stories = [{"name": "story", "seconds": 9.0, "failed": ["in call:", "E   assert 1 == 2"]}]
    lines = phases.table([phases.Phase("e2e", 1.0, 2)], stories).splitlines()
    assert lines[-3:] == ["failed: story", "  in call:", "  E   assert 1 == 2"]


@pytest.mark.usefixtures("makefile")
def test_nothing_runs_after_a_failed_phase(phases: ModuleType, tmp_path: Path) -> None:
    done = phases.run_all(["good", "bad", "later"], tmp_path / "times")
    assert [(one.name, one.code != 0) for one in done] == [("good", False), ("bad", True)]
    assert not (tmp_path / "later").exists()


@pytest.fixture
def heeding(phases: ModuleType) -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    phases.heed_interruptions()
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("heeding")
def test_an_interruption_reaches_the_processes_of_the_phase(
    phases: ModuleType, makefile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "trap 'touch ended; exit 1' INT; touch began; while :; do sleep 0.05; done"
    makefile.write_text(f"SHELL := /bin/bash\nlong:\n\t@{script}\n")
    wait = phases.subprocess.Popen.wait

    def interrupted(_child: object) -> int:
        monkeypatch.setattr(phases.subprocess.Popen, "wait", wait)
        while not (tmp_path / "began").exists():
            pass
        raise KeyboardInterrupt

    monkeypatch.setattr(phases.subprocess.Popen, "wait", interrupted)
    phase = phases.run("long", tmp_path / "times")
    assert phases.result(phase) == "interrupted"
    assert (tmp_path / "ended").exists()
