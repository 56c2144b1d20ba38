"""Runs other programs to completion, with errors that a user can act on."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from e2e.lab.errors import CommandError, LabError

# SIGINT lets programs clean up; those that ignore it are killed in the end.
_TERMINATION = ((signal.SIGINT, 10.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 10.0))
_POLL_SECONDS = 0.02


class _Running:
    """The programs that all threads are running."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: set[int] = set()
        self._terminating = False

    def start(self, words: list[str], **options: object) -> "subprocess.Popen[str]":
        with self._lock:
            self.check_not_terminating(f"`{' '.join(words[:4])}`")
            # In its own process group, so that its children are terminated with it.
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

    def check_not_terminating(self, what: str) -> None:
        if self._terminating:
            raise LabError(f"{what} was cancelled because another step failed.")

    def terminate_all(self) -> None:
        with self._lock:
            self._terminating, groups = True, set(self._groups)
        for number, seconds in _TERMINATION:
            for group in groups:
                _signal(group, number)
            deadline = time.monotonic() + seconds
            while groups & self._groups and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)

    def allow_start(self) -> None:
        with self._lock:
            self._terminating = False


_running = _Running()


@contextmanager
def terminating_all() -> Iterator[None]:
    """Terminate all programs that `run` started in any thread; `run` starts none in the block."""
    _running.terminate_all()
    try:
        yield
    finally:
        _running.allow_start()


def check_not_terminating(what: str) -> None:
    """Raise LabError inside `terminating_all`, for waits that run no program."""
    _running.check_not_terminating(what)


def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
) -> str:
    """Run a program and return its standard output.

    Args:
        command: The program and its arguments.
        env: The program's whole environment; by default this process's own.
        cwd: Its working directory.
        stdin: Text for its standard input; by default none.
        timeout: Seconds after which it is terminated; by default unlimited.

    Returns:
        Its standard output.

    Raises:
        CommandError: It failed; the error has its standard error.
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
            raise LabError(
                f"`{' '.join(words[:4])}` did not finish within {timeout:.0f} s."
            ) from None
        finally:
            _terminate(process)
            _running.forget(process)
    if process.returncode != 0:
        raise CommandError(process.returncode, words, stdout, stderr)
    return stdout


def _terminate(process: "subprocess.Popen[str]") -> None:
    """Terminate a program that still runs, with its children."""
    if process.returncode is not None:
        return
    for number, seconds in _TERMINATION:
        _signal(process.pid, number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        # What remains ignores interrupts, as background jobs of a shell do.
        _signal(process.pid, signal.SIGKILL)
        return


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def succeeds(*command: str | Path, env: Mapping[str, str] | None = None) -> bool:
    """Return whether a program exists and exits with code 0."""
    try:
        run(*command, env=env)
    except LabError:
        return False
    return True
