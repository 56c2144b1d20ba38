"""The kernel log through syslog(2).

It needs CAP_SYSLOG but no device, so the container need not be privileged.
"""

import ctypes
import os

_READ_ALL = 3
_SIZE_BUFFER = 10
_libc = ctypes.CDLL(None, use_errno=True)


def buffer_size() -> int:
    """Return the size of the kernel's ring buffer in bytes.

    Raises:
        PermissionError: CAP_SYSLOG is missing and kernel.dmesg_restrict is set.
    """
    return _checked(_libc.klogctl(_SIZE_BUFFER, None, 0))


def read_all() -> bytes:
    """Read the whole ring buffer without consuming it, as raw unescaped bytes.

    Raises:
        PermissionError: CAP_SYSLOG is missing and kernel.dmesg_restrict is set.
    """
    size = buffer_size()
    buffer = ctypes.create_string_buffer(size)
    length = _checked(_libc.klogctl(_READ_ALL, buffer, size))
    return buffer.raw[:length]


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "klogctl")
    return result
