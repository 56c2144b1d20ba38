"""A look at many containers in which no change is expected."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from oomwarden.core.model.cgroup import Cgroup
from oomwarden.kernel.cgroup.files import CgroupGoneError
from oomwarden.kernel.cgroup.member_files import MemberFiles
from oomwarden.kernel.proc.process import ProcessGoneError, ProcRoot


class QuietContainer(NamedTuple):
    """A container that is expected to be as it was.

    Attributes:
        cgroup: The container's cgroup.
        verified: PIDs that had the right score at the last scan.
        score: If set, what every process must have: all are read, and `verified` does not count.
    """

    cgroup: Cgroup
    verified: frozenset[int]
    score: int | None = None


def find_unchanged(
    members: MemberFiles, proc: ProcRoot, containers: Sequence[QuietContainer]
) -> dict[int, frozenset[int]]:
    """Find the containers whose processes all have the right score.

    Containers that cannot be read are omitted; `apply_plan` reports why.

    Returns:
        The current PIDs of each such container, by its cgroup's inode. They are the same object as
        the last time while nothing was started or has ended.
    """
    found: dict[int, frozenset[int]] = {}
    try:
        for each in containers:
            with suppress(CgroupGoneError, ProcessGoneError, OSError, ValueError):
                live = members.list(each.cgroup)
                if live is not None and _is_unchanged(proc, each, live):
                    found[each.cgroup.inode] = live
    finally:
        if members.abandoned:
            members.close()
    return found


def _is_unchanged(proc: ProcRoot, one: QuietContainer, live: frozenset[int]) -> bool:
    if one.score is None:
        return live is one.verified or live <= one.verified
    return all(proc.score(pid) == one.score for pid in live)
