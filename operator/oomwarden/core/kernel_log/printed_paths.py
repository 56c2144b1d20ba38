"""Paths of cgroups as the kernel log has them, each maybe in a record of its own."""

from collections.abc import Sequence
from itertools import pairwise, product
from math import prod

from oomwarden.core.parse.cgroup_paths import container_id

GROUP_END = b" are going to be killed due to memory.oom.group set"
BEFORE_PATH = (b",oom_memcg=", b",task_memcg=")
AHEAD = rb"(?=/|\(name too long\)|\(error\))"
"""For a regular expression: that a path follows."""
_UNPRINTED = (b"(name too long)", b"(error)")
"""Stand where a path has 4096 bytes or more (Linux fs/kernfs/dir.c, pr_cont_kernfs_path)."""
MAX_LINES = 64
"""Of so many lines that a report may be, none is believed: names of processes can make more."""


def is_path(text: bytes) -> bool:
    """Whether a text may begin with a path."""
    return text.startswith((b"/", *_UNPRINTED))


def known(path: bytes) -> bytes | None:
    """Give a path; None: it was too long to print."""
    return None if path in _UNPRINTED else path


def names_container(path: bytes | None) -> bool:
    """Whether a path lies in a container; no comm is long enough to imitate its id."""
    return any(container_id(name.decode("latin-1")) for name in (path or b"").split(b"/"))


def is_within(path: bytes | None, outer: bytes | None) -> bool:
    """Whether a cgroup may be another one or lie in it, as far as both are known."""
    if path is None or outer is None or path in _UNPRINTED or outer in _UNPRINTED:
        return True
    return path == outer or path.startswith(outer.rstrip(b"/") + b"/")


def may_be_instead(before: bytes, text: bytes) -> bool:
    """Whether one of two texts may be the path and the other a driver's line that begins so."""
    begun = before.endswith((*BEFORE_PATH, GROUP_END)) or b",task=" in before
    return is_path(before) and is_path(text) and not begun


def alternatives(found: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    """Give the pieces of all lines that these may be; none where they are more than `MAX_LINES`."""
    places: list[list[bytes]] = []
    for before, text in pairwise((b"", *found)):
        if may_be_instead(before, text):
            places[-1].append(text)
        else:
            places.append([text])
    if prod(map(len, places)) > MAX_LINES:
        return []
    return list(product(*places))
