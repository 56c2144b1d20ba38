"""The OOM killer's lines that name cgroups: assembled from their pieces and parsed."""

import re

from msgspec import structs

from oomwarden.core.kernel_log import oom_report
from oomwarden.core.kernel_log.events import Constraint, GroupKill, NumaNodes
from oomwarden.core.kernel_log.oom_report import Interpretation
from oomwarden.core.kernel_log.printed_paths import GROUP_END, names_container
from oomwarden.core.kernel_log.records import LineForm, LogRecord, lines, long_lines, pieces

_WHY = rb"(Memory cgroup out of memory|Out of memory(?: \(\w+\))?): "
KILLED_START = re.compile(_WHY + rb"Killed process (\d+) \(")
SKIPPED_START = re.compile(_WHY + rb"OOM victim (\d+) \(")
_NUMA = ("CONSTRAINT_CPUSET", "CONSTRAINT_MEMORY_POLICY")
_OF_MACHINE = ("CONSTRAINT_NONE", *_NUMA)
_MAX_BETWEEN = 512
MAX_TRIES = 16
"""At most this many lines that look like a piece are tried: a task list may have thousands."""
_CPUSET = b",cpuset="
# A cpuset cgroup's name that imitates such a line, and the field that follows the name.
_NAME_AND_MEMS = re.compile(rb"(?:oom_score_adj:-?\d+|the task).*,mems_allowed=", re.DOTALL)


def is_single_printk(text: bytes) -> bool:
    """Return whether a text is, or begins, a line that the OOM killer prints with one printk."""
    begun = KILLED_START.match(text) or SKIPPED_START.match(text)
    return begun is not None and _NAME_AND_MEMS.search(text) is None


def _closes(text: bytes) -> bool:
    """Return whether a text belongs to the next line; `Tasks in ` may be a process's name."""
    return text.startswith(oom_report.BEGIN) or is_single_printk(text)


OOM_KILL = LineForm(
    oom_report.is_next_piece, _closes, oom_report.is_whole, oom_report.may_hold_newline
)
GROUP = LineForm(oom_report.is_next_group_piece, _closes, oom_report.group_is_whole)


def names_of_cpusets(records: list[LogRecord]) -> set[int]:
    """Return the indices of records that look like the OOM killer's lines but are a cpuset's name.

    Such a name may be 255 bytes long. It stands between `,cpuset=` and `,mems_allowed=`.
    """
    names: set[int] = set()
    tries = MAX_TRIES
    for index, record in enumerate(records):
        is_head = record.text.startswith(oom_report.BEGIN)
        tries = MAX_TRIES if is_head else tries
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
        if is_single_printk(record.text):
            between.add(at)
    return set()


def constraint_at(
    records: list[LogRecord], index: int, *, doubtful: bool
) -> tuple[Constraint | None, bool]:
    """Parse an `oom-kill:` line.

    The kernel prints one report after another, under oom_lock. If two are open at the same time,
    and no caller distinguishes them, only what is in one record is used.

    Args:
        records: The kernel's records.
        index: Where the line begins.
        doubtful: Whether the line before it never ended.

    Returns:
        The line, or None if it cannot be read, and whether it is still open where the next one
        begins.
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
    meanings = next(filter(None, (oom_report.interpret_pieces(*each) for each in tries)), [])
    if head is None:
        return None, open_still
    numa = None
    if head.constraint in _NUMA and not doubtful:
        numa = NumaNodes(head.constraint, head.nodemask, head.mems_allowed)
    if not meanings and open_still:
        return None, True
    if not meanings:
        return _cut(record, text, head.constraint, numa), False
    return _from_interpretations(record, meanings, numa), False


def _cut(
    record: LogRecord, text: bytes, constraint: str, numa: NumaNodes | None
) -> Constraint | None:
    """Return what is known of a line whose end is missing."""
    known = oom_report.known_part(text)
    if known is None and constraint in _OF_MACHINE:
        known = Interpretation(None, None)
    if known is None:
        return None
    oom, task = decoded(known.oom_memcg), decoded(known.task_memcg)
    return Constraint(record.stamp, oom, task, None, numa if oom is None else None, record.caller)


def _from_interpretations(
    record: LogRecord, meanings: list[Interpretation], numa: NumaNodes | None
) -> Constraint:
    first = meanings[0]
    oom, task = decoded(first.oom_memcg), decoded(first.task_memcg)
    if len({(one.oom_memcg, one.task_memcg) for one in meanings}) == 1:
        meanings = []
    numa = numa if oom is None else None
    return Constraint(record.stamp, oom, task, first.pid, numa, record.caller, tuple(meanings))


def resolve(line: Constraint, comm: bytes) -> Constraint | None:
    """Return the interpretation that fits the victim's comm; None if it is not exactly one."""
    if not line.interpretations:
        return line
    fitting = [one for one in line.interpretations if one.comm == comm]
    if len(fitting) != 1:
        return None
    oom, task = fitting[0].oom_memcg, fitting[0].task_memcg
    return structs.replace(
        line, oom_memcg=decoded(oom), task_memcg=decoded(task), interpretations=()
    )


def group_at(records: list[LogRecord], index: int) -> GroupKill | None:
    """Parse a `Tasks in` line; if its end is missing, use its path if that names a container."""
    record = records[index]
    found, end = pieces(records, index, GROUP)
    tries = ((found, b"\n"), (long_lines(records, index), b""))
    path = next(filter(None, (oom_report.group_path(*each) for each in tries)), None)
    if path is None and end < len(records):
        begun = b"".join(found).removeprefix(oom_report.GROUP_BEGIN)
        path = begun if names_container(begun) else None
    return GroupKill(record.stamp, as_text(path), record.caller) if path is not None else None


def line_without_head(records: list[LogRecord]) -> Constraint | GroupKill | None:
    """Parse a line whose beginning was overwritten in the ring buffer, if the rest is there."""
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
    found, _ = pieces([structs.replace(later[0], text=text), *later[1:]], 0, OOM_KILL)
    meanings = oom_report.interpret_pieces(found, b"\n")
    known = bool(meanings) and all(one.oom_memcg is not None for one in meanings)
    return _from_interpretations(later[0], meanings, None) if known else None


def decoded(path: bytes | None) -> str | None:
    """Decode a cgroup's path; bytes that are not UTF-8 are escaped."""
    return None if path is None else as_text(path)


def as_text(raw: bytes) -> str:
    """Decode the kernel's bytes; those that are not UTF-8 are escaped."""
    return raw.decode("utf-8", "backslashreplace")
