"""The pages of files, such as libraries, that this process has mapped."""

import ctypes
from pathlib import Path

from oomwarden.core.parse.memory_maps import unchanged_files

_MADV_DONTNEED, _MADV_COLD = 4, 20
"""Linux 5.4, include/uapi/asm-generic/mman-common.h."""


def unmap_file_pages() -> int:
    """Unmap pages of files that the process has only read; it maps those again that it needs.

    Most of an interpreter and of its libraries is needed once, at the start. The pages stay in the
    page cache, among those that the kernel gives to others first. Mapping one again reads no disk
    unless the kernel has done so.

    Returns:
        How many bytes of addresses; 0 if the kernel does not say what may be unmapped.
    """
    libc = ctypes.CDLL(None)
    try:
        with Path("/proc/self/smaps").open(errors="replace") as smaps:
            return sum(_unmap(libc, found) for found in unchanged_files(smaps))
    except FileNotFoundError:  # a kernel without CONFIG_PROC_PAGE_MONITOR
        return 0


def _unmap(libc: ctypes.CDLL, found: range) -> int:
    begin, size = ctypes.c_void_p(found.start), ctypes.c_size_t(len(found))
    libc.madvise(begin, size, _MADV_COLD)
    return len(found) if libc.madvise(begin, size, _MADV_DONTNEED) == 0 else 0
