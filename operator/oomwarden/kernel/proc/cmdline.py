"""Command lines, of which one may not come back: who waits then knows whose it was.

One thread reads, another one waits for it; a plain attribute is all that they share.
"""

from dataclasses import dataclass

from oomwarden.core.policy.process_rules import COMMAND_BYTES, command_line
from oomwarden.kernel.proc.process import Process


class LeftOutError(Exception):
    """This process's command line is not to be read."""


class AbandonedError(Exception):
    """The read came back after all, and nobody waits for it any more."""


@dataclass(slots=True)
class CommandLines:
    """Reads them for one scan.

    `left_out`: pids that are passed over; None: all are. `reading`: the pid that is being read.
    `abandoned` is set by who has waited too long: a scan that wakes up an hour later would write
    what the policies said an hour ago.
    """

    left_out: frozenset[int] | None = frozenset()
    reading: int | None = None
    abandoned: bool = False

    def of(self, process: Process) -> str:
        """Give a process's command line; empty: it has none (yet).

        Raises:
            LeftOutError: it is one of those that are passed over.
            ProcessGoneError: the process has ended.
            AbandonedError: nobody waits for it any more.
        """
        if self.left_out is None or process.pid in self.left_out:
            raise LeftOutError(str(process.pid))
        self.reading = process.pid
        try:
            raw = process.command_line(COMMAND_BYTES)
        finally:
            self.reading = None
        if self.abandoned:
            raise AbandonedError(str(process.pid))
        return command_line(raw)
