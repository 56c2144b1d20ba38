"""The score of a live process: what the kernel counts, and what it shows."""

import os

from msgspec.structs import replace

from oomwarden.core.badness.normalized import memory_use
from oomwarden.core.badness.scored import ScoredProcess, scored
from oomwarden.core.parse.proc_status import parse_vm_sizes
from oomwarden.kernel.proc.process import ProcRoot


def read_process(root: ProcRoot, pid: int, total: int) -> ScoredProcess | None:
    """Return a process with its scores; None if it has no memory, as kernel threads.

    Args:
        root: The /proc that has the process.
        pid: Its PID.
        total: RAM and swap in bytes.

    Raises:
        ProcessGoneError: No process has this PID.
        OSError: The process may not be read.
    """
    page_size = os.sysconf("SC_PAGE_SIZE")
    with root.open(pid) as process:
        use = memory_use(parse_vm_sizes(process.status()), page_size)
        if use is None:
            return None
        found = scored(use, process.score(), total, page_size)
        return replace(
            found,
            pid=pid,
            command=process.comm().decode(errors="backslashreplace"),
            kernel_score=process.shown_score(),
        )
