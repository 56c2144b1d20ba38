"""Running other programs to their end, with errors that a person can act on."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from e2e.lab.errors import CommandError, LabError


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
        timeout: Seconds after which it is killed; by default it may take for ever.

    Returns:
        What it wrote to standard output.

    Raises:
        CommandError: It failed; with its standard error.
        LabError: It is not installed, or took too long.
    """
    words = [str(word) for word in command]
    options: dict[str, str | int] = {"stdin": subprocess.DEVNULL} if stdin is None else {}
    try:
        done = subprocess.run(  # type: ignore[call-overload]
            words,
            env=env,
            cwd=cwd,
            input=stdin,
            timeout=timeout,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            **options,
        )
    except FileNotFoundError:
        raise LabError(f"{words[0]} is not installed: install it and run this again.") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"`{' '.join(words[:4])}` was not done after {timeout:.0f} s.") from None
    if done.returncode != 0:
        raise CommandError(done.returncode, words, done.stdout, done.stderr)
    return str(done.stdout)


def succeeds(*command: str | Path, env: Mapping[str, str] | None = None) -> bool:
    """Tells whether a program exists and ends with exit code 0."""
    try:
        run(*command, env=env)
    except LabError:
        return False
    return True
