"""Descriptors that are kept for long leave some for what comes and goes: files, sockets, SQLite."""

import errno
import os
import resource

RESERVE = 128
"""Descriptors left for everything else; a quarter of the limit where that is low."""


def most() -> int:
    """Give the limit of open files of this process (RLIMIT_NOFILE)."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1 << 30


def leave_reserve(fd: int) -> None:
    """Refuse to keep a descriptor that lies in the reserve: the kernel gives the lowest free one.

    Raises:
        OSError: EMFILE.
    """
    if fd >= most() - min(RESERVE, most() // 4):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
