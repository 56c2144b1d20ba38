"""Transparent huge pages: 2 MiB at a time for a thread's stack that needs 20 KiB."""

import ctypes

_PR_SET_THP_DISABLE = 41
"""Linux 3.15, include/uapi/linux/prctl.h."""


def refuse_huge_pages() -> bool:
    """Let this process take small pages from now on, whatever the node's default is.

    Under `always` (Debian's and RHEL's default) an agent with 8 threads held 18 of its 54 MiB in
    huge pages. Threads and children inherit it. False: a kernel without transparent huge pages.
    """
    return bool(ctypes.CDLL(None).prctl(_PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0)
