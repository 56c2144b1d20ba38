"""The kernel log through syslog(2).

It needs CAP_SYSLOG but no device, so the container need not be privileged.
"""

import ctypes
import os

_READ_ALL = 3
_SIZE_BUFFER = 10
END_BYTES = 32 * 1024
"""The end of the ring buffer that is read first: the lines of several kills."""
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
    return _last(buffer_size())


def read_since(known: bytes) -> bytes:
    """Read the end of the ring buffer without consuming it, from before some bytes in it.

    Args:
        known: These bytes. If they are not in the last END_BYTES, or empty, all is read.

    Raises:
        PermissionError: CAP_SYSLOG is missing and kernel.dmesg_restrict is set.
    """
    if known and known in (end := _last(END_BYTES)):
        return end
    return read_all()


def _last(size: int) -> bytes:
    """Return the last records that fit (Linux kernel/printk/printk.c, syslog_print_all)."""
    buffer = ctypes.create_string_buffer(size)
    length = _checked(_libc.klogctl(_READ_ALL, buffer, size))
    return ctypes.string_at(buffer, length)


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "klogctl")
    return result
