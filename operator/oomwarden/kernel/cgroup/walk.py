"""All cgroups below a held one, at any depth, within a budget of number and time.

A container with a delegated cgroup makes any tree and any names below it (cgroup.max.depth and
cgroup.max.descendants are `max` by default). A cgroup is opened by its path from the one above, or
from an anchor on the way where that path would get too long; siblings come in any order, so that
what a budget leaves out is another part each time.
"""

import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.files import CgroupGoneError

MAX_CGROUPS = 16_384
MAX_SECONDS = 0.25
"""A cgroup takes some 40 us; a scan of a container may not keep the others waiting."""
LONGEST_PATH = 2048
"""Bytes below an anchor: with another name it stays below PATH_MAX (Linux limits.h, 4096)."""
_NO_CHILDREN = 2
"""st_nlink of a cgroup without children (Linux fs/kernfs/inode.c, kernfs_refresh_inode)."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(slots=True, eq=False)
class _Anchor:
    """A descriptor, and how many cgroups wait to be opened from it."""

    directory: int
    waiting: int = 0
    owned: bool = True

    def release(self) -> None:
        self.waiting -= 1
        if self.waiting == 0 and self.owned:
            os.close(self.directory)


@dataclass(slots=True)
class Walk:
    """One walk of so many cgroups and seconds at most.

    `unreached` counts what it knows of and has not visited, 0 while it goes on.
    """

    most: int = field(default_factory=lambda: MAX_CGROUPS)
    seconds: float = field(default_factory=lambda: MAX_SECONDS)
    unreached: int = 0
    _left: list[tuple[_Anchor, str]] = field(default_factory=list)

    def below(self, directory: int) -> Iterator[int]:
        """Give each cgroup's descriptor, for as long as the next one is not asked for.

        One that goes away meanwhile is passed over.

        Raises:
            OSError: a cgroup cannot be opened or listed.
        """
        self._add(_Anchor(directory, owned=False), directory, "")
        if not self._left:
            return
        until, budget = time.monotonic() + self.seconds, self.most
        try:
            while self._left and budget and time.monotonic() < until:
                budget -= 1
                yield from self._next()
        finally:
            self.unreached = len(self._left)
            while self._left:
                self._left.pop()[0].release()

    def _next(self) -> Iterator[int]:
        anchor, path = self._left.pop()
        try:
            directory = files.open_at(anchor.directory, path, _DIRECTORY)
        except CgroupGoneError:
            return
        finally:
            anchor.release()
        held = _Anchor(directory, waiting=1)
        try:
            yield directory
            self._go_on(held, anchor, path)
        except CgroupGoneError:
            return
        finally:
            held.release()

    def _go_on(self, held: _Anchor, anchor: _Anchor, path: str) -> None:
        """Queue what is below: from the same anchor, while that is open and near."""
        near = len(os.fsencode(path)) < LONGEST_PATH and (anchor.waiting or not anchor.owned)
        self._add(anchor if near else held, held.directory, path if near else "")

    def _add(self, anchor: _Anchor, directory: int, path: str) -> None:
        if os.fstat(directory).st_nlink == _NO_CHILDREN:
            return
        names = [name for name, _ in files.children(directory)]
        random.shuffle(names)
        self._left += [(anchor, f"{path}/{name}" if path else name) for name in names]
        anchor.waiting += len(names)
