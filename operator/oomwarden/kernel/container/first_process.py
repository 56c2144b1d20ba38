"""What a container's first process tells: the container's name, and the score it was given."""

from dataclasses import dataclass

from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.parse.flat_keyed import parse_limit
from oomwarden.core.parse.mountinfo import container_name
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.members import held, pids
from oomwarden.kernel.proc.process import MOUNTINFO_BYTES, ProcessGoneError, ProcRoot

_OLDEST = 4
"""runc's helpers of the start may be older than the process that becomes the user's program."""
_MOST = 256


@dataclass(frozen=True, slots=True)
class FirstProcess:
    """`name` as the mounts tell; `score` of that process, else of the oldest; None: nothing told.

    `limit` is memory.max in bytes.
    """

    name: str | None = None
    score: int | None = None
    limit: int | None = None


def find_first_process(root: CgroupRoot, proc: ProcRoot, cgroup: Cgroup) -> FirstProcess:
    """Look at a container's oldest processes.

    The runtime has set the score before it makes the mounts, so a process that is named by them
    holds the container's own score; before that it has the score of the runtime's shim.

    Raises:
        CgroupGoneError: the container is gone.
        OSError: a process could not be read.
    """
    with held(root, cgroup) as directory:
        limit = _limit(directory)
        oldest = _by_age(proc, pids(directory)[:_MOST])[:_OLDEST]
        score = None
        for pid in oldest:
            try:
                with proc.open(pid) as process:
                    name = _name(process.mountinfo(), cgroup.pod_uid or "")
                    given = process.score()
            except ProcessGoneError:
                continue
            if name is not None:
                return FirstProcess(name, given, limit)
            score = given if score is None else score
        return FirstProcess(None, score, limit)


def _name(mountinfo: bytes, pod_uid: str) -> str | None:
    """None also where the file was cut: the mount that tells may be missing."""
    cut = len(mountinfo) >= MOUNTINFO_BYTES
    return None if cut else container_name(mountinfo, pod_uid)


def _by_age(proc: ProcRoot, found: list[int]) -> list[int]:
    starts: list[tuple[int, int]] = []
    for pid in found:
        try:
            with proc.open(pid) as process:
                starts.append((process.start(), pid))
        except ProcessGoneError:
            continue
    return [pid for _, pid in sorted(starts)]


def _limit(directory: int) -> int | None:
    try:
        return parse_limit(files.read_at(directory, "memory.max"))
    except ValueError:
        return None
