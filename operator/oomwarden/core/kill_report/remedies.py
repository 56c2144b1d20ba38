"""What to do about a workload, judged from its kills in the period."""

from collections.abc import Sequence
from dataclasses import dataclass

from oomwarden.api.oomkill import Cause, Owner
from oomwarden.core.history.filters import newest_first
from oomwarden.core.history.kill_record import KillRecord
from oomwarden.core.kill_report.causes import kills_by_cause
from oomwarden.core.kill_report.groups import WorkloadKills, count_kills, grouped, workload_of
from oomwarden.core.kill_report.memory_before import MemoryBefore, memory_before
from oomwarden.core.kill_report.responses import response_to
from oomwarden.core.model.quantity import format_bytes
from oomwarden.core.objects.object_names import has_template, is_object_name
from oomwarden.core.usage_pattern.verdict import Pattern

MAX_REMEDIES = 10
MAX_READ = 50
"""Records of a workload, the latest, whose memory is looked at."""
_MI = 1 << 20
_MORE = 1.25
"""How much larger the suggested limit is: the default of `onOOM.raiseLimit.by`."""
_RETAINED, _MOST = 0.25, 0.5
"""tmpfs from this share of the limit on, and a part from this share of the memory on, decide."""
_OF_CAUSE = {
    Cause.POD_LIMIT: "The containers together reached the pod's limit: raise it (or the container "
    "limits that it is the sum of), or reduce what they use together.",
    Cause.NODE_ALLOCATABLE: "It did not reach a limit of its own: set requests of all pods to what "
    "they really use, so that the scheduler does not fill nodes beyond their memory, and let an "
    "OOMPolicy decide what dies first.",
    Cause.NODE_OUT_OF_MEMORY: "It did not reach a limit of its own: look for what else uses the "
    "node's memory (`kubectl oom nodes`), reserve memory for the system, and let an OOMPolicy "
    "decide what dies first.",
    Cause.NUMA_NODES_OUT_OF_MEMORY: "Other NUMA nodes may have had memory free: allow more of "
    "them in its cpuset or memory policy, or look for what else uses these.",
}
_UNKNOWN = (
    "It is unknown whose memory ran out: `kubectl oom doctor` shows whether the agents can read "
    "the counters and the kernel log of each node."
)
_TMPFS = (
    "tmpfs (emptyDir with medium Memory, /dev/shm) filled much of the limit, and a restart does "
    "not free it: delete files there, or set a sizeLimit below the limit for the volume."
)
_OF_PART = {
    "file": "Page cache that could not be reclaimed filled the limit: write more slowly, in "
    "smaller files, or with more memory.",
    "slab": "Kernel objects filled the limit, mostly inodes and directory entries: use fewer "
    "files, or give it more memory.",
    "sock": "Network buffers filled the limit: look for a connection whose other side reads too "
    "slowly.",
    "pageTables": "Page tables filled much of the limit: use fewer processes that map the same "
    "large memory, or huge pages.",
    "kernelStack": "Kernel stacks filled much of the limit: it has very many threads.",
}
_OF_PATTERN = {
    Pattern.LEAK: "Its memory grew steadily until the limit: find what grows first, because a "
    "higher limit only delays the next kill.",
    Pattern.SPIKE: "Its memory jumped within seconds: bound what one request or batch may "
    "allocate, or set the limit to the peak.",
    Pattern.STARTUP: "It was killed while it started: its limit is below what the start needs.",
}
_RAISE = "Raise its memory limit, or reduce its memory usage."


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do about one workload.

    Attributes:
        cause: The cause that most of its kills have.
        text: Why, and what to do.
        evidence: What the pattern of its memory was judged from; None if no pattern decided.
        command: What to paste; None if there is no such command.
        command_note: What the command does, and what it does not know.
    """

    namespace: str
    workload: str
    container: str | None
    kills: int
    cause: str
    text: str
    evidence: str | None
    command: str | None
    command_note: str | None


def remedies(
    records: Sequence[KillRecord], workloads: Sequence[WorkloadKills]
) -> tuple[Remedy, ...]:
    """Return what to do about the workloads with the most kills."""
    groups = grouped(records, workload_of)
    return tuple(
        _remedy(groups[each.namespace, each.workload]) for each in workloads[:MAX_REMEDIES]
    )


def _remedy(records: list[KillRecord]) -> Remedy:
    cause = kills_by_cause(records)[0][0]
    latest = newest_first([each for each in records if each.cause == cause])[:MAX_READ]
    read = [(each, memory_before(each)) for each in latest]
    record, memory = next((pair for pair in read if pair[1].points), read[0])
    text, helps = _judged(cause, record, memory)
    command, note = _command(latest) if helps else (None, None)
    return Remedy(
        namespace=record.namespace,
        workload=record.workload,
        container=record.container,
        kills=count_kills(records),
        cause=cause,
        text=text,
        evidence=memory.pattern.evidence if text in _OF_PATTERN.values() else None,
        command=command,
        command_note=note,
    )


def _judged(cause: str, record: KillRecord, memory: MemoryBefore) -> tuple[str, bool]:
    """Return what to do, and whether a higher limit of the container helps."""
    if cause != Cause.CONTAINER_LIMIT:
        return _OF_CAUSE.get(Cause(cause), _UNKNOWN) if cause in set(Cause) else _UNKNOWN, False
    if (memory.retained_tmpfs_bytes or 0) >= (record.limit or 1 << 62) * _RETAINED:
        return _TMPFS, False
    part = memory.parts[0] if memory.parts else None
    if part and part.size_bytes >= (memory.parts_total_bytes or 1 << 62) * _MOST:
        if part.field == "shmem":
            return _TMPFS, False
        if part.field in _OF_PART:
            return _OF_PART[part.field], True
    pattern = memory.pattern.pattern
    return _OF_PATTERN.get(pattern, _RAISE), pattern != Pattern.LEAK


def _command(latest: list[KillRecord]) -> tuple[str | None, str | None]:
    """Return the command that sets a higher limit in the workload's template, and what it does.

    It is a command only if every name in it is a valid Kubernetes name, because people paste it.
    """
    record = latest[0]
    owner = Owner(kind=record.owner[0], name=record.owner[1]) if record.owner else None
    container, limit, note = record.container, *_suggested(latest)
    if owner is None or limit is None or not has_template(owner):
        return None, None
    if not (is_object_name(container) and is_object_name(record.namespace)):
        return None, None
    what = f"{owner.kind.lower()}/{owner.name} -c {container}"
    amount = format_bytes(limit)
    command = f"kubectl -n {record.namespace} set resources {what} --limits=memory={amount}"
    return command, note


def _suggested(latest: list[KillRecord]) -> tuple[int | None, str]:
    """Return a limit for the template, and where it comes from."""
    for record in latest:
        response = response_to(record)
        if response and response.is_raise and response.limit_bytes:
            return response.limit_bytes, (
                "A policy has raised the limit of the running pod to this; the command keeps it "
                "for the pods that follow."
            )
    limit = latest[0].limit
    if not limit:
        return None, ""
    more = -(-int(limit * _MORE) // _MI) * _MI
    return more, (
        "A quarter more than the limit that was hit, as a first step: the kernel stopped it there, "
        "so no record knows how much it needs."
    )
