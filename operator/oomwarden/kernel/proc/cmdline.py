"""Reads of command lines, any of which can block forever.

One thread reads and another waits for it. They share plain attributes, so that the waiting thread
knows which PID the read hangs on.
"""

from msgspec import Struct

from oomwarden.core.policy.process_rules import COMMAND_BYTES, command_line
from oomwarden.kernel.proc.process import Process


class SkippedProcessError(Exception):
    """The command line of this process must not be read."""


class ScanAbandonedError(Exception):
    """The read returned after the caller had stopped waiting for the scan."""


class CommandLines(Struct):
    """Reads command lines for one scan.

    Attributes:
        skipped_pids: PIDs whose command line is not read; None skips all of them.
        reading_pid: The PID whose command line is being read.
        abandoned: Set by the caller when it stops waiting. A scan that resumes an hour later must
            not write scores of policies that are an hour old.
    """

    skipped_pids: frozenset[int] | None = frozenset()
    reading_pid: int | None = None
    abandoned: bool = False

    def read(self, process: Process) -> str:
        """Return the command line of a process, empty if it has none (yet).

        Raises:
            SkippedProcessError: The PID is in `skipped_pids`.
            ProcessGoneError: The process has exited.
            ScanAbandonedError: The caller has stopped waiting for this scan.
        """
        if self.skipped_pids is None or process.pid in self.skipped_pids:
            raise SkippedProcessError(str(process.pid))
        self.reading_pid = process.pid
        try:
            raw = process.command_line(COMMAND_BYTES)
        finally:
            self.reading_pid = None
        if self.abandoned:
            raise ScanAbandonedError(str(process.pid))
        return command_line(raw)
