"""cgroup.procs of many containers, through descriptors that stay open.

Nothing tells that a process was started, so the files have to be read again and again. Two system
calls for a container are an eighth of what opening its files costs.
"""

import os
from collections.abc import Container

from msgspec import Struct

from oomwarden.core.model.cgroup import Cgroup
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.descriptors import check_reserve
from oomwarden.kernel.cgroup.files import CgroupGoneError, CgroupRoot
from oomwarden.kernel.cgroup.members import PartialPids, list_pids, open_container, parse_pids
from oomwarden.kernel.cgroup.walk import NO_CHILDREN

MAX_AT_ONCE = 4000
"""A read returns a page of PIDs at most (Linux fs/seq_file.c, seq_read_iter): below this, all."""


class _Listing(Struct, eq=False):
    """The open files of a container, and what they last contained."""

    directory: int
    procs: int
    text: bytes = b""
    pids: frozenset[int] = frozenset()

    def close(self) -> None:
        os.close(self.directory)
        os.close(self.procs)


class MemberFiles:
    """Keeps two descriptors per container. For one thread at a time.

    Attributes:
        abandoned: Nobody uses it any more; what runs on it closes it at its end.
    """

    def __init__(self, root: CgroupRoot) -> None:
        self._root = root
        self._open: dict[int, _Listing] = {}
        self.abandoned = False

    def list(self, cgroup: Cgroup) -> frozenset[int] | None:
        """List the processes of a container and of the cgroups nested in it.

        Returns:
            The PIDs: the same object as the last time while cgroup.procs has the same bytes. None
            if not all of them could be listed.

        Raises:
            CgroupGoneError: The cgroup was removed.
            OSError: A file could not be opened or read.
        """
        one = self._open.get(cgroup.inode)
        if one is None:
            return self._first_list(cgroup)
        try:
            return self._list(one)
        except (OSError, CgroupGoneError):
            self._drop(cgroup.inode)
            raise

    def keep_only(self, live: Container[int]) -> None:
        """Close the files of all other containers, by inode of their cgroups."""
        for inode in [each for each in self._open if each not in live]:
            self._drop(inode)

    def has_others(self, live: Container[int]) -> bool:
        """Return whether files of other containers are open."""
        return any(inode not in live for inode in self._open)

    def close(self) -> None:
        """Close all files."""
        self.keep_only(())

    def _first_list(self, cgroup: Cgroup) -> frozenset[int] | None:
        with open_container(self._root, cgroup) as directory:
            procs = files.open_at(directory, "cgroup.procs")
            one = _Listing(os.dup(directory), procs)
        try:
            check_reserve(max(one.directory, one.procs))
        except OSError:  # it works without descriptors that stay open as well
            try:
                return self._list(one)
            finally:
                one.close()
        self._open[cgroup.inode] = one
        return self.list(cgroup)

    def _list(self, one: _Listing) -> frozenset[int] | None:
        if os.fstat(one.directory).st_nlink != NO_CHILDREN:
            return _whole(list_pids(one.directory))
        text = files.read(one.procs)
        if len(text) > MAX_AT_ONCE:
            return _whole(list_pids(one.directory))
        if text != one.text:
            one.text, one.pids = text, frozenset(parse_pids(text))
        return one.pids

    def _drop(self, inode: int) -> None:
        self._open.pop(inode).close()


def _whole(pids: list[int]) -> frozenset[int] | None:
    return None if isinstance(pids, PartialPids) else frozenset(pids)
