"""The lines of the OOM killer that name cgroups: put together from their pieces, and read."""

import re
from dataclasses import replace

from oomwarden.core.kernel_log import oom_report
from oomwarden.core.kernel_log.events import Constraint, GroupKill, NumaNodes
from oomwarden.core.kernel_log.oom_report import ReportReading
from oomwarden.core.kernel_log.printed_paths import GROUP_END, names_container
from oomwarden.core.kernel_log.records import Form, LogRecord, lines, long_lines, pieces

_WHY = rb"(Memory cgroup out of memory|Out of memory(?: \(\w+\))?): "
KILLED_START = re.compile(_WHY + rb"Killed process (\d+) \(")
SKIPPED_START = re.compile(_WHY + rb"OOM victim (\d+) \(")
_NUMA = ("CONSTRAINT_CPUSET", "CONSTRAINT_MEMORY_POLICY")
_OF_MACHINE = ("CONSTRAINT_NONE", *_NUMA)
_MAX_BETWEEN = 512
MAX_ALIKE = 16
"""So many lines that look like a piece are tried: a list of tasks may hold thousands of names."""
_CPUSET = b",cpuset="
# A cpuset cgroup's name that imitates such a line, and the field that follows the name.
_NAME_AND_MEMS = re.compile(rb"(?:oom_score_adj:-?\d+|the task).*,mems_allowed=", re.DOTALL)


def is_at_once(text: bytes) -> bool:
    """Whether a text is a line of the OOM killer that is printed at once, or begins one."""
    begun = KILLED_START.match(text) or SKIPPED_START.match(text)
    return begun is not None and _NAME_AND_MEMS.search(text) is None


def _closes(text: bytes) -> bool:
    """Whether a text is of the next line; `Tasks in ` may be the name of a process that crashes."""
    return text.startswith(oom_report.BEGIN) or is_at_once(text)


OOM_KILL = Form(oom_report.goes_on, _closes, oom_report.is_whole, oom_report.tears)
GROUP = Form(oom_report.group_goes_on, _closes, oom_report.group_is_whole)


def names_of_cpusets(records: list[LogRecord]) -> set[int]:
    """Find the records that look like the OOM killer's lines and are a cpuset cgroup's name.

    Such a name may be 255 bytes long. After `,cpuset=` comes the name, then `,mems_allowed=`.
    """
    names: set[int] = set()
    tries = MAX_ALIKE
    for index, record in enumerate(records):
        is_head = record.text.startswith(oom_report.BEGIN)
        tries = MAX_ALIKE if is_head else tries
        if (is_head and record.text.endswith(_CPUSET)) or (tries and record.text == _CPUSET):
            tries -= 1
            names |= _until_mems(records, index)
    return names


def _until_mems(records: list[LogRecord], index: int) -> set[int]:
    between: set[int] = set()
    for at in range(index + 1, min(index + _MAX_BETWEEN, len(records))):
        record = records[at]
        if not record.is_by_caller_of(records[index]):
            continue
        if record.text.startswith(b",mems_allowed="):
            return between
        if record.text.startswith(oom_report.BEGIN):
            return set()
        if is_at_once(record.text):
            between.add(at)
    return set()


def constraint_at(
    records: list[LogRecord], index: int, *, doubtful: bool
) -> tuple[Constraint | None, bool]:
    """Read an `oom-kill:` line, and tell whether the next one can be trusted to go on.

    The kernel prints one report after another, under oom_lock: two that are open at once, and no
    caller to tell them apart, are read only as far as each is in one record.

    Args:
        records: The kernel's records.
        index: Where the line begins.
        doubtful: Whether the line before it never ended.
    """
    record = records[index]
    found, end = pieces(records, index, OOM_KILL)
    follows = record.caller is None and end < len(records)
    open_still = follows and records[end].text.startswith(oom_report.BEGIN)
    if doubtful:
        found = found[:1]
    more = found if doubtful else lines(records, index, OOM_KILL)
    text = b"\n".join(found)
    head = oom_report.head(text)
    tries = ((found, b"\n"), (more, b"\n"), (long_lines(records, index), b""))
    ways = next(filter(None, (oom_report.ways(*each) for each in tries)), [])
    if head is None:
        return None, open_still
    numa = None
    if head.constraint in _NUMA and not doubtful:
        numa = NumaNodes(head.constraint, head.nodemask, head.mems_allowed)
    if not ways and open_still:
        return None, True
    if not ways:
        return _cut(record, text, head.constraint, numa), False
    return _from_ways(record, ways, numa), False


def _cut(
    record: LogRecord, text: bytes, constraint: str, numa: NumaNodes | None
) -> Constraint | None:
    """Use what is known of a line of which the end never came."""
    known = oom_report.known_part(text)
    if known is None and constraint in _OF_MACHINE:
        known = ReportReading(None, None)
    if known is None:
        return None
    oom, task = decoded(known.oom_memcg), decoded(known.task_memcg)
    return Constraint(record.stamp, oom, task, None, numa if oom is None else None, record.caller)


def _from_ways(record: LogRecord, ways: list[ReportReading], numa: NumaNodes | None) -> Constraint:
    first = ways[0]
    oom, task = decoded(first.oom_memcg), decoded(first.task_memcg)
    if len({(way.oom_memcg, way.task_memcg) for way in ways}) == 1:
        ways = []
    numa = numa if oom is None else None
    return Constraint(record.stamp, oom, task, first.pid, numa, record.caller, tuple(ways))


def resolved(told: Constraint, comm: bytes) -> Constraint | None:
    """Choose the way to read a line that fits the victim's comm; None: none or several do."""
    if not told.ways:
        return told
    fitting = [way for way in told.ways if way.comm == comm]
    if len(fitting) != 1:
        return None
    oom, task = fitting[0].oom_memcg, fitting[0].task_memcg
    return replace(told, oom_memcg=decoded(oom), task_memcg=decoded(task), ways=())


def group_at(records: list[LogRecord], index: int) -> GroupKill | None:
    """Read a `Tasks in` line; where its end never came, a container's path is believed."""
    record = records[index]
    found, end = pieces(records, index, GROUP)
    tries = ((found, b"\n"), (long_lines(records, index), b""))
    path = next(filter(None, (oom_report.group_path(*each) for each in tries)), None)
    if path is None and end < len(records):
        begun = b"".join(found).removeprefix(oom_report.GROUP_BEGIN)
        path = begun if names_container(begun) else None
    return GroupKill(record.stamp, as_text(path), record.caller) if path is not None else None


def line_without_head(records: list[LogRecord]) -> Constraint | GroupKill | None:
    """Read the line that goes on where the ring begins, if all that follows is there."""
    for index, record in enumerate(records[:_MAX_BETWEEN]):
        if _closes(record.text) or record.text == oom_report.GROUP_BEGIN:
            return None
        if oom_report.is_group_end(record.text):
            path = record.text.removesuffix(GROUP_END)
            return GroupKill(record.stamp, as_text(path), record.caller)
        if (text := oom_report.with_head(record.text)) is not None:
            return _without_head(text, records[index : index + _MAX_BETWEEN])
    return None


def _without_head(text: bytes, later: list[LogRecord]) -> Constraint | None:
    found, _ = pieces([replace(later[0], text=text), *later[1:]], 0, OOM_KILL)
    ways = oom_report.ways(found, b"\n")
    known = bool(ways) and all(way.oom_memcg is not None for way in ways)
    return _from_ways(later[0], ways, None) if known else None


def decoded(path: bytes | None) -> str | None:
    """Write a cgroup's path as text; bytes that are not UTF-8 are escaped."""
    return None if path is None else as_text(path)


def as_text(raw: bytes) -> str:
    """Write the kernel's bytes as text; those that are not UTF-8 are escaped."""
    return raw.decode("utf-8", "backslashreplace")
