"""What the lab shows to its user when something stands in the way."""

import subprocess

_TAIL_LINES = 12


class LabError(Exception):
    """What stands in the way, in one sentence that names the remedy."""


class CommandError(subprocess.CalledProcessError, LabError):
    """A program that failed; its message ends with the last lines that the program wrote."""

    def __str__(self) -> str:
        shown = " ".join(map(str, self.cmd[:6]))
        lines = (self.stderr or self.stdout or "").strip().splitlines()[-_TAIL_LINES:]
        head = f"`{shown}` failed with exit code {self.returncode}:"
        return "\n  ".join([head, *lines])
