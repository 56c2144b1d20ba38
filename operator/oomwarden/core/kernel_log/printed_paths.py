"""Paths of cgroups as the kernel prints them, each possibly in a record of its own."""

from collections.abc import Sequence
from itertools import pairwise, product
from math import prod

from oomwarden.core.parse.cgroup_paths import container_id

GROUP_END = b" are going to be killed due to memory.oom.group set"
BEFORE_PATH = (b",oom_memcg=", b",task_memcg=")
AHEAD = rb"(?=/|\(name too long\)|\(error\))"
"""Regular expression: a path follows."""
_UNPRINTED = (b"(name too long)", b"(error)")
"""Printed instead of a path of 4096 bytes or more (Linux fs/kernfs/dir.c, pr_cont_kernfs_path)."""
MAX_LINES = 64
"""With more alternatives than this, none is used: process names can cause any number."""


def is_path(text: bytes) -> bool:
    """Return whether a text may begin with a path."""
    return text.startswith((b"/", *_UNPRINTED))


def if_printed(path: bytes) -> bytes | None:
    """Return the path; None if it was too long to print."""
    return None if path in _UNPRINTED else path


def names_container(path: bytes | None) -> bool:
    """Return whether a path is in a container; no comm is long enough to imitate a container id."""
    return any(container_id(name.decode("latin-1")) for name in (path or b"").split(b"/"))


def is_within(path: bytes | None, outer: bytes | None) -> bool:
    """Return whether a cgroup may be, or be below, another one, as far as both are known."""
    if path is None or outer is None or path in _UNPRINTED or outer in _UNPRINTED:
        return True
    return path == outer or path.startswith(outer.rstrip(b"/") + b"/")


def are_alternatives(before: bytes, text: bytes) -> bool:
    """Return whether one of two texts may be the path and the other a similar line of a driver."""
    begun = before.endswith((*BEFORE_PATH, GROUP_END)) or b",task=" in before
    return is_path(before) and is_path(text) and not begun


def alternatives(found: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    """Return the pieces of all lines that these may be; none if there are more than `MAX_LINES`."""
    places: list[list[bytes]] = []
    for before, text in pairwise((b"", *found)):
        if are_alternatives(before, text):
            places[-1].append(text)
        else:
            places.append([text])
    if prod(map(len, places)) > MAX_LINES:
        return []
    return list(product(*places))
