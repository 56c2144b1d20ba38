"""A reserve of descriptors: long-lived ones leave some for sockets, SQLite and short reads."""

import errno
import os
import resource

RESERVE = 128
"""Descriptors left for everything else; a quarter of the limit if that is less."""


def fd_limit() -> int:
    """Return this process's limit of open files (RLIMIT_NOFILE)."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1 << 30


def check_reserve(fd: int) -> None:
    """Raise if a descriptor is part of the reserve.

    This works because the kernel always assigns the lowest free number.

    Raises:
        OSError: EMFILE: only the reserve is left.
    """
    if fd >= fd_limit() - min(RESERVE, fd_limit() // 4):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
