"""A walk over all cgroups below an open one, at any depth, bounded in number and time.

A container with a delegated cgroup can create any tree with any names (cgroup.max.depth and
cgroup.max.descendants are `max` by default). Each cgroup is opened by its path relative to the
start, or to an anchor further down if that path would be too long. Siblings are visited in random
order, so that each walk omits different cgroups if the budget is too small.
"""

import os
import random
import time
from collections.abc import Iterator

from msgspec import Struct, field

from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.files import CgroupGoneError

MAX_CGROUPS = 16_384
MAX_SECONDS = 0.25
"""Visiting a cgroup costs some 40 us. One container must not delay the scans of the others."""
MAX_PATH_BYTES = 2048
"""Below an anchor. One more name keeps the path below PATH_MAX (4096, Linux limits.h)."""
NO_CHILDREN = 2
"""st_nlink of a childless cgroup (Linux fs/kernfs/inode.c, kernfs_refresh_inode)."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class _Anchor(Struct, eq=False):
    """A descriptor and the number of queued cgroups to be opened relative to it."""

    directory: int
    waiting: int = 0
    owned: bool = True

    def release(self) -> None:
        self.waiting -= 1
        if self.waiting == 0 and self.owned:
            os.close(self.directory)


class Walk(Struct):
    """One walk within a budget.

    Attributes:
        max_cgroups: Number of cgroups to visit at most.
        max_seconds: Duration of the walk at most, in seconds.
        unreached: Number of known cgroups that were not visited, set when the walk ends.
    """

    max_cgroups: int = field(default_factory=lambda: MAX_CGROUPS)
    max_seconds: float = field(default_factory=lambda: MAX_SECONDS)
    unreached: int = 0
    _left: list[tuple[_Anchor, str]] = field(default_factory=list)

    def descend(self, directory: int) -> Iterator[int]:
        """Yield the descriptor of each cgroup, valid until the next one is requested.

        Cgroups that are removed during the walk are skipped.

        Raises:
            OSError: A cgroup could not be opened or listed.
        """
        self._add(_Anchor(directory, owned=False), directory, "")
        if not self._left:
            return
        until, budget = time.monotonic() + self.max_seconds, self.max_cgroups
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
        own = _Anchor(directory, waiting=1)
        try:
            yield directory
            self._queue_children(own, anchor, path)
        except CgroupGoneError:
            return
        finally:
            own.release()

    def _queue_children(self, own: _Anchor, anchor: _Anchor, path: str) -> None:
        """Queue the children, relative to the same anchor if it is open and the path is short."""
        near = len(os.fsencode(path)) < MAX_PATH_BYTES and (anchor.waiting or not anchor.owned)
        self._add(anchor if near else own, own.directory, path if near else "")

    def _add(self, anchor: _Anchor, directory: int, path: str) -> None:
        if os.fstat(directory).st_nlink == NO_CHILDREN:
            return
        names = [name for name, _ in files.children(directory)]
        random.shuffle(names)
        self._left += [(anchor, f"{path}/{name}" if path else name) for name in names]
        anchor.waiting += len(names)
