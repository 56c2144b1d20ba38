"""Starts the agent of any checkout; replaces only what a synthetic node cannot have.

That is the kernel's log, which is read from a file through the product's own code, and the answer
to whether the processes are those of the first PID namespace.
"""

import ctypes
import os
import threading

# ruff: noqa: SLF001 - these edges have no other seam

_SIZE_BUFFER = 10
_PR_SET_NAME = 15
_libc = ctypes.CDLL(None)


class LogFile:
    """Stands for libc: klogctl(2) over a file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def klogctl(self, action: int, buffer: "ctypes.Array[ctypes.c_char] | None", _: int) -> int:
        """Return the size of the log, or copy the last lines that fit."""
        with open(self._path, "rb", buffering=0) as file:  # noqa: PTH123 - imports nothing
            size = os.fstat(file.fileno()).st_size
            if action == _SIZE_BUFFER or buffer is None:
                return size + 4096
            if size > len(buffer):
                file.seek(size - len(buffer))
                whole = file.read(len(buffer))
                file.seek(size - len(buffer) + whole.index(b"\n") + 1)
            return file.readinto(buffer) or 0


def name_threads() -> None:
    """Give threads their names in /proc/PID/task/TID/comm, as Python does since 3.14."""
    run = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]

    def named(thread: threading.Thread) -> None:
        _libc.prctl(_PR_SET_NAME, thread.name.encode()[:15], 0, 0, 0)
        run(thread)

    threading.Thread._bootstrap_inner = named  # type: ignore[attr-defined]


def main() -> None:
    """Run the agent."""
    name_threads()
    if os.environ.get("WEIGHT_REPORT"):
        import probe  # type: ignore[import-not-found]  # noqa: PLC0415 - only where it may disturb

        probe.begin(os.environ["WEIGHT_REPORT"])
    from oomwarden.agent import start  # noqa: PLC0415 - as start.py does
    from oomwarden.kernel import syslog, thp  # noqa: PLC0415 - as start.py does

    thp.disable_huge_pages()
    for name in ("leave_out_unused_modules", "leave_out_typing_extensions"):
        getattr(start, name, lambda: None)()  # before the next import, as start.main does
    syslog._libc = LogFile(os.environ["WEIGHT_KERNEL_LOG"])  # type: ignore[assignment]
    from oomwarden.kernel.host import Host  # noqa: PLC0415 - not before huge pages are off

    setattr(Host, "in_initial_pid_namespace", lambda _: True)  # noqa: B010
    start.main()


if __name__ == "__main__":
    main()
