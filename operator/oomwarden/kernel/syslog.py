"""The kernel log through syslog(2): needs CAP_SYSLOG, no device, so no privileged container."""

import ctypes
import os

_READ_ALL = 3
_SIZE_BUFFER = 10
_libc = ctypes.CDLL(None, use_errno=True)


def buffer_size() -> int:
    """Give the ring buffer's size in bytes.

    Raises:
        PermissionError: CAP_SYSLOG is missing and kernel.dmesg_restrict is set.
    """
    return _checked(_libc.klogctl(_SIZE_BUFFER, None, 0))


def read_all() -> bytes:
    """Read the whole ring buffer, without consuming it: raw bytes, not escaped.

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
