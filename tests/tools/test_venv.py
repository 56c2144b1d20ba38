"""tools/venv.sh, with an interpreter that notes what is done and installs nothing."""

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


class Place:
    """A cache, an interpreter, and what was done with them."""

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
        """Start one that is in the middle of installing until `hold` goes."""
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
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def waits(running: "subprocess.Popen[str]") -> bool:
    """Read its first line; whether it waits for another."""
    assert running.stderr is not None
    return "waiting for another process" in running.stderr.readline()


def test_of_several_at_once_one_builds_and_the_others_wait_and_take_it(place: Place) -> None:
    first = place.begin_and_hold()
    others = [place.start() for _ in range(3)]
    assert all(waits(each) for each in others)
    assert place.complete() == []
    place.go_on()
    printed = {each.communicate(timeout=30)[0] for each in (first, *others)}
    (venv,) = printed
    assert (Path(venv.strip()) / "bin" / "ruff").exists()
    assert place.log() == ["venv", "begin", "end"]


def test_once_it_is_complete_nothing_is_locked_or_built(place: Place) -> None:
    first = place.start().communicate(timeout=30)
    second = place.start().communicate(timeout=30)
    assert second == (first[0], "")
    assert place.log() == ["venv", "begin", "end"]


def test_a_build_that_is_killed_leaves_nothing_complete_and_the_next_builds_from_the_start(
    place: Place,
) -> None:
    killed = place.begin_and_hold()
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=30)
    assert place.complete() == []
    place.go_on()
    printed, said = place.start().communicate(timeout=30)
    assert "waiting" not in said
    assert place.complete() == [Path(printed.strip()) / "complete"]
    assert place.log() == ["venv", "begin", "venv", "begin", "end"]


def test_pip_that_outlives_its_script_is_waited_for(place: Place) -> None:
    killed = place.begin_and_hold()
    killed.kill()
    killed.wait(30)
    other = place.start()
    assert waits(other)
    place.go_on()
    for each in (killed, other):
        each.communicate(timeout=30)
    assert place.log() == ["venv", "begin", "end", "venv", "begin", "end"]


def test_an_installation_that_fails_is_not_complete_and_says_so(place: Place) -> None:
    (place.folder / "fails").touch()
    failed = place.start()
    printed, _ = failed.communicate(timeout=30)
    assert (failed.returncode, printed) == (1, "")
    assert place.complete() == []


def test_what_an_earlier_build_left_has_to_go_or_nothing_is_built(place: Place) -> None:
    (place.folder / "fails").touch()
    place.start().communicate(timeout=30)
    (place.folder / "fails").unlink()
    programs = place.folder / "programs"
    programs.mkdir()
    (programs / "rm").write_text("#!/bin/sh\necho 'Device or resource busy' >&2\nexit 1\n")
    (programs / "rm").chmod(0o755)
    failed = place.start(PATH=f"{programs}:{os.environ['PATH']}")
    printed, said = failed.communicate(timeout=30)
    assert (failed.returncode, printed) == (1, "")
    assert "Device or resource busy" in said
    assert place.complete() == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OOMWARDEN_CACHE", "/proc/none", "/proc/none"),
        ("OOMWARDEN_CACHE", "/dev/null", "/dev/null"),
        ("PYTHON", "/none/python3", "There is no /none/python3"),
    ],
)
def test_a_cache_or_an_interpreter_that_cannot_be_used_is_named(
    place: Place, name: str, value: str, said: str
) -> None:
    failed = place.start(**{name: value})
    printed, told = failed.communicate(timeout=30)
    assert failed.returncode != 0
    assert printed == ""
    assert said in told
    assert "waiting" not in told
