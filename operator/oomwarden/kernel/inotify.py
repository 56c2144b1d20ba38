"""inotify(7) through libc: one descriptor, woken from another thread by an eventfd."""

import contextlib
import ctypes
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
class Event:
    """One struct inotify_event. `watch` is the descriptor that `add` returned."""

    watch: int
    mask: int
    name: str


class Inotify:
    """A set of watches and a wait that other threads can end."""

    def __init__(self) -> None:
        self._fd = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify_init1")
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)

    def add(self, path: Path, mask: int) -> int:
        """Watch a file or directory.

        Raises:
            FileNotFoundError: it does not exist (any more).
            OSError: ENOSPC when fs.inotify.max_user_watches is reached.
        """
        watch: int = _libc.inotify_add_watch(self._fd, os.fsencode(path), mask)
        return _checked(watch, str(path))

    def remove(self, watch: int) -> None:
        """End a watch, or do nothing where the kernel did so.

        One on a removed cgroup's file stays until this: always before Linux 7.1, and since then
        where somebody has the file open.
        """
        _libc.inotify_rm_watch(self._fd, watch)

    def wait(self, seconds: float) -> list[Event]:
        """Wait for events, for `wake`, or for the time to pass; then give what there is."""
        self._poll.poll(seconds * 1000)
        with contextlib.suppress(BlockingIOError):  # it was not the wake-up
            os.eventfd_read(self._wake)
        try:
            return list(_parse(os.read(self._fd, _READ_SIZE)))
        except BlockingIOError:
            return []

    def wake(self) -> None:
        """End a wait of another thread."""
        os.eventfd_write(self._wake, 1)


def _parse(buffer: bytes) -> Iterator[Event]:
    offset = 0
    while offset < len(buffer):
        watch, mask, _, length = _HEADER.unpack_from(buffer, offset)
        offset += _HEADER.size
        name = buffer[offset : offset + length].rstrip(b"\0")
        yield Event(watch, mask, os.fsdecode(name))
        offset += length


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)
    return result
