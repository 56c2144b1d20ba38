"""A shell that stays open: each exec costs an emulated node a second of both its cores."""

import os
import select
import shlex
import subprocess
import time
from dataclasses import dataclass, field

from e2e.lab import Cluster
from e2e.lab.errors import CommandError

_END = "--end-of-answer--"
_ERRORS = "/run/open-shell-errors"
_ALIVE_SECONDS, _ANSWER_SECONDS = 15.0, 600.0


@dataclass
class PersistentShell:
    """A shell behind `kubectl exec`, which is restarted when the connection has ended.

    Attributes:
        cluster: The cluster to connect to.
        command: The arguments after `kubectl exec -i`, ending with a shell command.
    """

    cluster: Cluster
    command: tuple[str, ...]
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def run(self, script: str) -> str:
        """Run a script in a new shell and return its standard output.

        Raises:
            CommandError: The script failed, or the connection ended.
        """
        if not self._is_alive():
            self._begin()
        line = f"sh -c {shlex.quote(script)} </dev/null 2>{_ERRORS}"
        code, text = self._answer(line, _ANSWER_SECONDS)
        if code:
            _, errors = self._answer(f"cat {_ERRORS}", _ALIVE_SECONDS)
            raise CommandError(code, ("sh", "-c", script), text, errors)
        return text

    def close(self) -> None:
        """Close the connection."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _begin(self) -> None:
        self.close()
        line = (str(self.cluster.programs["kubectl"]), "exec", "-i", *self.command)
        self._process = subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=self.cluster.environment(),
        )  # fmt: skip

    def _is_alive(self) -> bool:
        """Return whether the shell answers; after a reboot, the connection may hang."""
        return self._process is not None and self._answer(":", _ALIVE_SECONDS)[0] == 0

    def _answer(self, line: str, seconds: float) -> tuple[int, str]:
        """Run a line and return its exit code and output; -1 means that there was no answer."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return -1, "no shell"
        mark = f"{_END}{time.monotonic_ns()}"
        try:
            process.stdin.write(f"{line}\necho {mark} $?\n".encode())
            process.stdin.flush()
        except BrokenPipeError:
            return -1, "the connection to the node is closed"
        deadline, text = time.monotonic() + seconds, ""
        while mark not in text or not text.endswith("\n"):
            patience = max(deadline - time.monotonic(), 0)
            ready, _, _ = select.select([process.stdout], [], [], patience)
            part = os.read(process.stdout.fileno(), 1 << 16) if ready else b""
            if not part:
                return -1, f"{text}\nno answer from the node"
            text += part.decode(errors="replace")
        output, _, code = text.partition(mark)
        return int(code), output
