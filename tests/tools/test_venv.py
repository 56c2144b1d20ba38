"""tools/venv.sh, with an interpreter that logs its calls and installs nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STUB = """#!{python}
import pathlib, sys, os, time
here = pathlib.Path("{folder}")
name = pathlib.Path(sys.argv[0]).name
if sys.argv[1:] == ["-VV"]:
    print("Python 3.11.0 of the test")
elif sys.argv[1:3] == ["-m", "venv"]:
    into = pathlib.Path(sys.argv[3]) / "bin"
    into.mkdir(parents=True)
    os.link(sys.argv[0], into / "pip")
    (into.parent / "half").touch()
    (here / "log").open("a").write("venv\\n")
elif name == "pip":
    (here / "log").open("a").write("begin\\n")
    (here / "installing").touch()
    while (here / "hold").exists():
        time.sleep(0.01)
    (pathlib.Path(sys.argv[0]).parent / "ruff").touch()
    (here / "log").open("a").write("end\\n")
    sys.exit(int((here / "fails").exists()))
else:
    os.execv("{python}", ["{python}", *sys.argv[1:]])
"""


class Sandbox:
    """A cache, an interpreter, and the log of its calls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "python3"
        self.python.write_text(STUB.format(python=sys.executable, folder=folder))
        self.python.chmod(0o755)

    def start(self, **more: str) -> subprocess.Popen[str]:
        environment = (
            os.environ
            | {
                "PYTHON": str(self.python),
                "OOMWARDEN_CACHE": str(self.folder / "cache"),
            }
            | more
        )
        return subprocess.Popen(
            [str(ROOT / "tools" / "venv.sh")],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip

    def begin_and_hold(self) -> subprocess.Popen[str]:
        """Start a build that stays in the installation until `go_on`."""
        (self.folder / "hold").touch()
        started = self.start()
        deadline = time.monotonic() + 30
        while not (self.folder / "installing").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return started

    def go_on(self) -> None:
        (self.folder / "hold").unlink()

    def log(self) -> list[str]:
        return (self.folder / "log").read_text().split()

    def complete(self) -> list[Path]:
        return list((self.folder / "cache").glob("venv-*/complete"))


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path)


def is_waiting(running: "subprocess.Popen[str]") -> bool:
    """Return whether its first line says that it waits."""
    assert running.stderr is not None
    return "waiting for another process" in running.stderr.readline()


def test_one_of_several_concurrent_runs_builds_and_the_others_wait_for_it(sandbox: Sandbox) -> None:
    first = sandbox.begin_and_hold()
    others = [sandbox.start() for _ in range(3)]
    assert all(is_waiting(each) for each in others)
    assert sandbox.complete() == []
    sandbox.go_on()
    printed = {each.communicate(timeout=30)[0] for each in (first, *others)}
    (venv,) = printed
    assert (Path(venv.strip()) / "bin" / "ruff").exists()
    assert sandbox.log() == ["venv", "begin", "end"]


def test_a_complete_environment_needs_no_lock_and_no_build(sandbox: Sandbox) -> None:
    first = sandbox.start().communicate(timeout=30)
    second = sandbox.start().communicate(timeout=30)
    assert second == (first[0], "")
    assert sandbox.log() == ["venv", "begin", "end"]


def test_a_killed_build_is_incomplete_and_the_next_one_starts_over(
    sandbox: Sandbox,
) -> None:
    killed = sandbox.begin_and_hold()
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=30)
    assert sandbox.complete() == []
    sandbox.go_on()
    printed, errors = sandbox.start().communicate(timeout=30)
    assert "waiting" not in errors
    assert sandbox.complete() == [Path(printed.strip()) / "complete"]
    assert sandbox.log() == ["venv", "begin", "venv", "begin", "end"]


def test_the_next_build_waits_for_a_pip_that_outlives_its_script(sandbox: Sandbox) -> None:
    killed = sandbox.begin_and_hold()
    killed.kill()
    killed.wait(30)
    other = sandbox.start()
    assert is_waiting(other)
    sandbox.go_on()
    for each in (killed, other):
        each.communicate(timeout=30)
    assert sandbox.log() == ["venv", "begin", "end", "venv", "begin", "end"]


def test_a_failed_installation_is_incomplete_and_an_error(sandbox: Sandbox) -> None:
    (sandbox.folder / "fails").touch()
    failed = sandbox.start()
    printed, _ = failed.communicate(timeout=30)
    assert (failed.returncode, printed) == (1, "")
    assert sandbox.complete() == []


def test_leftovers_that_cannot_be_removed_prevent_a_build(sandbox: Sandbox) -> None:
    (sandbox.folder / "fails").touch()
    sandbox.start().communicate(timeout=30)
    (sandbox.folder / "fails").unlink()
    programs = sandbox.folder / "programs"
    programs.mkdir()
    (programs / "rm").write_text("#!/bin/sh\necho 'Device or resource busy' >&2\nexit 1\n")
    (programs / "rm").chmod(0o755)
    failed = sandbox.start(PATH=f"{programs}:{os.environ['PATH']}")
    printed, errors = failed.communicate(timeout=30)
    assert (failed.returncode, printed) == (1, "")
    assert "Device or resource busy" in errors
    assert sandbox.complete() == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("OOMWARDEN_CACHE", "/proc/none", "/proc/none"),
        ("OOMWARDEN_CACHE", "/dev/null", "/dev/null"),
        ("PYTHON", "/none/python3", "There is no /none/python3"),
    ],
)
def test_an_unusable_cache_or_interpreter_is_named(
    sandbox: Sandbox, name: str, value: str, message: str
) -> None:
    failed = sandbox.start(**{name: value})
    printed, errors = failed.communicate(timeout=30)
    assert failed.returncode != 0
    assert printed == ""
    assert message in errors
    assert "waiting" not in errors
