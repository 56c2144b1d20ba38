"""Running other programs to their end, with errors that a person can act on."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from e2e.lab.errors import CommandError, LabError

# An interrupt lets programs clean up; what does not care for it is killed in the end.
_ENDING = ((signal.SIGINT, 10.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 10.0))
_LOOK_AGAIN = 0.02


class _Running:
    """The programs that run now, whichever thread started them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: set[int] = set()
        self._refuses = False

    def start(self, words: list[str], **options: object) -> "subprocess.Popen[str]":
        with self._lock:
            self.check(f"`{' '.join(words[:4])}`")
            # A process group of its own, so that it ends with all that it has started.
            process: subprocess.Popen[str] = subprocess.Popen(  # type: ignore[call-overload]
                words,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                process_group=0,
                **options,
            )
            self._groups.add(process.pid)
        return process

    def forget(self, process: "subprocess.Popen[str]") -> None:
        with self._lock:
            self._groups.discard(process.pid)

    def check(self, what: str) -> None:
        if self._refuses:
            raise LabError(f"{what} was given up: another step failed.")

    def end_all(self) -> None:
        with self._lock:
            self._refuses, groups = True, set(self._groups)
        for number, seconds in _ENDING:
            for group in groups:
                _signal(group, number)
            deadline = time.monotonic() + seconds
            while groups & self._groups and time.monotonic() < deadline:
                time.sleep(_LOOK_AGAIN)

    def accept_again(self) -> None:
        with self._lock:
            self._refuses = False


_running = _Running()


@contextmanager
def ending_all() -> Iterator[None]:
    """Ends all programs that `run` started in any thread; within, it starts no other."""
    _running.end_all()
    try:
        yield
    finally:
        _running.accept_again()


def check_not_ending(what: str) -> None:
    """Raises LabError within `ending_all`: for whoever waits for something else than a program."""
    _running.check(what)


def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
) -> str:
    """Runs a program and returns its standard output.

    Args:
        command: The program and its arguments.
        env: The whole environment of the program; by default this process's own.
        cwd: The directory it runs in.
        stdin: Text for its standard input; by default there is none.
        timeout: Seconds after which it is killed; by default there is no limit.

    Returns:
        What it wrote to standard output.

    Raises:
        CommandError: It failed; with its standard error.
        LabError: It is not installed, or took too long.
    """
    words = [str(word) for word in command]
    source = subprocess.DEVNULL if stdin is None else subprocess.PIPE
    try:
        process = _running.start(words, env=env, cwd=cwd, stdin=source)
    except FileNotFoundError:
        raise LabError(f"{words[0]} is not installed: install it and run this again.") from None
    with process:
        try:
            stdout, stderr = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            raise LabError(f"`{' '.join(words[:4])}` was not done after {timeout:.0f} s.") from None
        finally:
            _end(process)
            _running.forget(process)
    if process.returncode != 0:
        raise CommandError(process.returncode, words, stdout, stderr)
    return stdout


def _end(process: "subprocess.Popen[str]") -> None:
    """Ends a program that still runs, with all that it has started."""
    if process.returncode is not None:
        return
    for number, seconds in _ENDING:
        _signal(process.pid, number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        # What it leaves behind does not care for interrupts, as a shell's background jobs.
        _signal(process.pid, signal.SIGKILL)
        return


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def succeeds(*command: str | Path, env: Mapping[str, str] | None = None) -> bool:
    """Tells whether a program exists and ends with exit code 0."""
    try:
        run(*command, env=env)
    except LabError:
        return False
    return True
