"""The container name and the oom_score_adj, read from a container's first process."""

from msgspec import Struct

from oomwarden.core.model.cgroup import Cgroup
from oomwarden.core.parse.flat_keyed import parse_limit
from oomwarden.core.parse.mountinfo import container_name
from oomwarden.kernel.cgroup import files
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.members import list_pids, open_container
from oomwarden.kernel.proc.process import MOUNTINFO_BYTES, ProcessGoneError, ProcRoot

_MAX_CANDIDATES = 4
"""Some helpers of runc are older than the process that becomes the user's program."""
_MAX_PROCESSES = 256


class FirstProcess(Struct, frozen=True):
    """What the first process of a container shows. Unknown values are None.

    Attributes:
        name: The container's name, from the process's mounts.
        score: oom_score_adj of the process that has the name, otherwise of the oldest process.
        limit: memory.max of the container in bytes.
    """

    name: str | None = None
    score: int | None = None
    limit: int | None = None


def find_first_process(root: CgroupRoot, proc: ProcRoot, cgroup: Cgroup) -> FirstProcess:
    """Read the oldest processes of a container until one shows the container's name.

    The runtime sets the score before it creates the mounts. So a process with the mounts has the
    container's score, while an earlier one may still have the score of the runtime's shim.

    Raises:
        CgroupGoneError: The container is gone.
        OSError: A process could not be read.
    """
    with open_container(root, cgroup) as directory:
        limit = _limit(directory)
        oldest = _by_age(proc, list_pids(directory)[:_MAX_PROCESSES])[:_MAX_CANDIDATES]
        score = None
        for pid in oldest:
            try:
                with proc.open(pid) as process:
                    name = _name(process.mountinfo(), cgroup.pod_uid or "")
                    current = process.score()
            except ProcessGoneError:
                continue
            if name is not None:
                return FirstProcess(name, current, limit)
            score = current if score is None else score
        return FirstProcess(None, score, limit)


def _name(mountinfo: bytes, pod_uid: str) -> str | None:
    """Return the name, or None if mountinfo is truncated: it may lack the mount with the name."""
    truncated = len(mountinfo) >= MOUNTINFO_BYTES
    return None if truncated else container_name(mountinfo, pod_uid)


def _by_age(proc: ProcRoot, found: list[int]) -> list[int]:
    starts: list[tuple[int, int]] = []
    for pid in found:
        try:
            with proc.open(pid) as process:
                starts.append((process.start_time(), pid))
        except ProcessGoneError:
            continue
    return [pid for _, pid in sorted(starts)]


def _limit(directory: int) -> int | None:
    try:
        return parse_limit(files.read_at(directory, "memory.max"))
    except ValueError:
        return None
