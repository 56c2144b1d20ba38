"""inotify(7) through libc: one descriptor and an eventfd that lets another thread wake it."""

import contextlib
import ctypes
import errno
import os
import select
import struct
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

IN_MODIFY = 0x00000002
IN_CREATE = 0x00000100
IN_DELETE = 0x00000200
IN_Q_OVERFLOW = 0x00004000
IN_ONLYDIR = 0x01000000
IN_ISDIR = 0x40000000

_HEADER = struct.Struct("iIII")
_READ_SIZE = 1 << 16
_libc = ctypes.CDLL(None, use_errno=True)


class InotifyEvent(Struct, frozen=True):
    """One struct inotify_event.

    Attributes:
        watch: Watch descriptor, as returned by `Inotify.add`.
        mask: Event bits (IN_*).
        name: Name of the directory entry, empty for events of the watched path itself.
    """

    watch: int
    mask: int
    name: str


class Inotify:
    """A set of inotify watches, and a wait that another thread can interrupt.

    Waiting also works before `open` and without watches.
    """

    def __init__(self) -> None:
        self._fd: int | None = None
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._wake, select.POLLIN)

    def open(self) -> None:
        """Open an inotify instance if none is open.

        Raises:
            OSError: EMFILE if fs.inotify.max_user_instances is reached; ENFILE or ENOMEM.
        """
        if self._fd is None:
            fd = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify_init1")
            self._poll.register(fd, select.POLLIN)
            self._fd = fd

    def add(self, path: Path, mask: int) -> int:
        """Add a watch on a file or directory and return its descriptor.

        Raises:
            FileNotFoundError: The path does not exist.
            OSError: ENOSPC if fs.inotify.max_user_watches is reached; EMFILE if no instance is
                open.
        """
        if self._fd is None:
            raise OSError(errno.EMFILE, "no inotify instance", str(path))
        watch: int = _libc.inotify_add_watch(self._fd, os.fsencode(path), mask)
        return _checked(watch, str(path))

    def remove(self, watch: int) -> None:
        """Remove a watch. Do nothing if the kernel already removed it.

        The kernel keeps the watch on a file of a removed cgroup: always before Linux 7.1, and
        later while a process has the file open.
        """
        if self._fd is not None:
            _libc.inotify_rm_watch(self._fd, watch)

    def wait(self, seconds: float) -> list[InotifyEvent]:
        """Wait for events, a `wake`, or the timeout, then return the pending events."""
        self._poll.poll(seconds * 1000)
        with contextlib.suppress(BlockingIOError):  # not woken by `wake`
            os.eventfd_read(self._wake)
        if self._fd is None:
            return []
        try:
            return list(_parse(os.read(self._fd, _READ_SIZE)))
        except BlockingIOError:
            return []

    def wake(self) -> None:
        """Interrupt a `wait` in another thread."""
        os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Close all descriptors."""
        for fd in (self._fd, self._wake):
            if fd is not None:
                os.close(fd)


def _parse(buffer: bytes) -> Iterator[InotifyEvent]:
    offset = 0
    while offset < len(buffer):
        watch, mask, _, length = _HEADER.unpack_from(buffer, offset)
        offset += _HEADER.size
        name = buffer[offset : offset + length].rstrip(b"\0")
        yield InotifyEvent(watch, mask, os.fsdecode(name))
        offset += length


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)
    return result
