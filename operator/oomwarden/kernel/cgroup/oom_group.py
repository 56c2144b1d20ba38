"""memory.oom.group of a container: whether the kernel kills all its processes as a group.

The file takes effect in the container's cgroup and in the one that the runtime creates below it.
Cgroups created by the container itself have the file too, but belong to the container.
"""

import os
import time
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from oomwarden.core.enforcement.group_files import GroupFiles
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.descriptors import check_reserve
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.members import open_container
from oomwarden.kernel.cgroup.runtime_cgroup import open_runtime_cgroup

NAME = "memory.oom.group"
KEPT_SECONDS = 60.0
"""Then a container is opened again: its runtime may have created the cgroup below it late."""
_WRITE = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class _Opened(Struct, frozen=True):
    """The open files of a container, until a time."""

    own: int
    below: int | None
    until: float

    def read(self) -> GroupFiles:
        below = None if self.below is None else _is_set(self.below)
        return GroupFiles(_is_set(self.own), below)

    def close(self) -> None:
        for fd in (self.own, self.below):
            if fd is not None:
                os.close(fd)


class OomGroupFiles:
    """Reads the files of the same containers again and again. For one thread at a time.

    Attributes:
        abandoned: Nobody uses it any more; what runs on it closes it at its end.
    """

    def __init__(self, root: CgroupRoot, clock: Callable[[], float] = time.monotonic) -> None:
        self._root, self._clock = root, clock
        self._open: dict[int, _Opened] = {}
        self.abandoned = False

    def read(self, cgroups: Sequence[Cgroup], young: Container[int] = ()) -> dict[int, GroupFiles]:
        """Read the files of containers, by inode; the files of all others are closed.

        Containers that are gone are omitted.

        Args:
            cgroups: The containers.
            young: Those, by inode, whose runtime may still create a cgroup below them.
        """
        found: dict[int, GroupFiles] = {}
        self._close_all_but({each.inode for each in cgroups})
        try:
            for each in cgroups:
                with suppress(CgroupGoneError, OSError):
                    found[each.inode] = self._read(each, keep=each.inode not in young)
        finally:
            if self.abandoned:
                self._close_all_but(())
        return found

    def _read(self, cgroup: Cgroup, *, keep: bool) -> GroupFiles:
        one = self._open.get(cgroup.inode)
        if one is not None and keep and self._clock() < one.until:
            with suppress(CgroupGoneError, OSError):  # one of the two may have been replaced
                return one.read()
        self._drop(cgroup.inode)
        with open_container(self._root, cgroup) as directory:
            if keep:
                with suppress(CgroupGoneError, OSError):  # for example EMFILE: the next one retries
                    self._open[cgroup.inode] = _opened(directory, self._clock() + KEPT_SECONDS)
            return read_container(directory)

    def _close_all_but(self, live: Container[int]) -> None:
        for inode in [each for each in self._open if each not in live]:
            self._drop(inode)

    def _drop(self, inode: int) -> None:
        if (one := self._open.pop(inode, None)) is not None:
            one.close()


def _opened(directory: int, until: float) -> _Opened:
    own = files.open_at(directory, NAME)
    below: int | None = None
    try:
        with open_runtime_cgroup(directory) as inner, suppress(CgroupGoneError):
            below = None if inner is None else files.open_at(inner, NAME)
        check_reserve(max(own, below or 0))
    except BaseException:
        _Opened(own, below, until).close()
        raise
    return _Opened(own, below, until)


def _is_set(fd: int) -> bool:
    return files.read(fd).strip() == b"1"


def read_container(directory: int) -> GroupFiles:
    """Read memory.oom.group of a container by its open directory.

    Raises:
        CgroupGoneError: The container is gone.
    """
    own = _read(directory)
    with open_runtime_cgroup(directory) as inner:
        return GroupFiles(own, None if inner is None else read_nested(inner))


def read_nested(directory: int) -> bool | None:
    """Read the file of a nested cgroup. Return None if it has no memory controller."""
    with suppress(CgroupGoneError):
        return _read(directory)
    return None


def write(root: CgroupRoot, cgroup: Cgroup, *, enabled: bool) -> bool:
    """Enable or disable group kill for a container.

    Returns:
        Whether the kernel kills the container as a group, read back after the write.

    Raises:
        CgroupGoneError: The container is gone.
        OSError: The mount is read-only (EROFS), or the kernel refuses the write.
    """
    now = GroupFiles(own=False)
    with suppress(CgroupGoneError, OSError), open_container(root, cgroup) as directory:
        now = read_container(directory)
    inner = now.below if enabled or now.below is None else False
    return restore(root, cgroup, GroupFiles(enabled, inner)).is_group_kill


def restore(root: CgroupRoot, cgroup: Cgroup, wanted: GroupFiles) -> GroupFiles:
    """Write the files of a container that differ from `wanted`.

    Returns:
        The values read back after the write.

    Raises:
        CgroupGoneError: The container is gone.
        OSError: The mount is read-only (EROFS), or the kernel refuses the write.
    """
    with open_container(root, cgroup) as directory:
        if _read(directory) != wanted.own:
            _write(directory, wanted.own)
        with open_runtime_cgroup(directory) as inner:
            if inner is not None and wanted.below not in {None, read_nested(inner)}:
                _write(inner, bool(wanted.below))
        return read_container(directory)


def is_read_only(path: Path) -> bool:
    """Return whether a mount is read-only or missing."""
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return True


def _write(directory: int, enabled: bool) -> None:  # noqa: FBT001 - the value of the file
    fd = files.open_at(directory, NAME, _WRITE)
    try:
        os.write(fd, b"1" if enabled else b"0")
    finally:
        os.close(fd)


def _read(directory: int) -> bool:
    return files.read_at(directory, NAME).strip() == b"1"
