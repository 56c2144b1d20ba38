"""Errors that the lab shows to its user."""

import subprocess

_TAIL_LINES = 12


class LabError(Exception):
    """A problem, described in one sentence that names the remedy."""


class CommandError(subprocess.CalledProcessError, LabError):
    """A program failed; the message ends with the program's last lines of output."""

    def __str__(self) -> str:
        shown = " ".join(map(str, self.cmd[:6]))
        lines = (self.stderr or self.stdout or "").strip().splitlines()[-_TAIL_LINES:]
        head = f"`{shown}` failed with exit code {self.returncode}:"
        return "\n  ".join([head, *lines])
