"""inotify(7) through libc: one descriptor, woken from another thread by an eventfd."""

import contextlib
import ctypes
import errno
import os
import select
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

IN_MODIFY = 0x00000002
IN_CREATE = 0x00000100
IN_DELETE = 0x00000200
IN_Q_OVERFLOW = 0x00004000
IN_ONLYDIR = 0x01000000
IN_ISDIR = 0x40000000

_HEADER = struct.Struct("iIII")
_READ_SIZE = 1 << 16
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class InotifyEvent:
    """One struct inotify_event. `watch` is the descriptor that `add` returned."""

    watch: int
    mask: int
    name: str


class Inotify:
    """A set of watches and a wait that other threads can end; it waits without watches as well."""

    def __init__(self) -> None:
        self._fd: int | None = None
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._wake, select.POLLIN)

    @property
    def is_open(self) -> bool:
        """Whether there is an instance to add watches to."""
        return self._fd is not None

    def open(self) -> None:
        """Take an inotify instance, unless there is one.

        Raises:
            OSError: EMFILE when fs.inotify.max_user_instances is reached, ENFILE or ENOMEM.
        """
        if self._fd is None:
            fd = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify_init1")
            self._poll.register(fd, select.POLLIN)
            self._fd = fd

    def add(self, path: Path, mask: int) -> int:
        """Watch a file or directory.

        Raises:
            FileNotFoundError: it does not exist (any more).
            OSError: ENOSPC when fs.inotify.max_user_watches is reached; EMFILE without an instance.
        """
        if self._fd is None:
            raise OSError(errno.EMFILE, "no inotify instance", str(path))
        watch: int = _libc.inotify_add_watch(self._fd, os.fsencode(path), mask)
        return _checked(watch, str(path))

    def remove(self, watch: int) -> None:
        """End a watch, or do nothing where the kernel did so.

        One on a removed cgroup's file stays until this: always before Linux 7.1, and since then
        where somebody has the file open.
        """
        if self._fd is not None:
            _libc.inotify_rm_watch(self._fd, watch)

    def wait(self, seconds: float) -> list[InotifyEvent]:
        """Wait for events, for `wake`, or for the time to pass; then give what there is."""
        self._poll.poll(seconds * 1000)
        with contextlib.suppress(BlockingIOError):  # it was not the wake-up
            os.eventfd_read(self._wake)
        if self._fd is None:
            return []
        try:
            return list(_parse(os.read(self._fd, _READ_SIZE)))
        except BlockingIOError:
            return []

    def wake(self) -> None:
        """End a wait of another thread."""
        os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Give the descriptors back."""
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
