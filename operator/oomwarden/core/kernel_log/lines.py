"""Parse the OOM killer's lines in the kernel log (Linux mm/oom_kill.c, 5.10 to 7.x).

Input is raw bytes as syslog(2) returns them. A `comm` may contain anything, even a newline, spaces,
brackets and bytes that are not UTF-8: this interface does not escape. A line only counts together
with a counter that rose.
"""

import re

from msgspec.structs import replace

from oomwarden.core.kernel_log import oom_report
from oomwarden.core.kernel_log.constraint_lines import (
    GROUP,
    KILLED_START,
    MAX_TRIES,
    OOM_KILL,
    SKIPPED_START,
    as_text,
    constraint_at,
    group_at,
    is_single_printk,
    line_without_head,
    names_of_cpusets,
)
from oomwarden.core.kernel_log.events import (
    Constraint,
    GroupKill,
    Killed,
    LogEvent,
    NumaNodes,
    Skipped,
    UnreadableLine,
)
from oomwarden.core.kernel_log.records import (
    LogRecord,
    located_records,
    parse_line,
    parse_records,
    pieces,
)

__all__ = [
    "Constraint",
    "GroupKill",
    "Killed",
    "LogEvent",
    "LogRecord",
    "NumaNodes",
    "Skipped",
    "UnreadableLine",
    "parse_events",
    "parse_line",
    "parse_records",
    "printable",
    "unfinished_part",
    "unread_part",
]
KIB = 1024
COMM_BYTES = 15
"""TASK_COMM_LEN without the terminating NUL (Linux include/linux/sched.h)."""
MAX_LINES = 17
"""A comm of 15 bytes has 15 newlines at most; lines are what is between them."""

# Greedy: a comm may imitate the tail, so the last one counts.
_KILLED = re.compile(
    KILLED_START.pattern + rb"(.*)\) total-vm:(\d+)kB, anon-rss:(\d+)kB, file-rss:(\d+)kB, "
    rb"shmem-rss:(\d+)kB, UID:(\d+) pgtables:(\d+)kB oom_score_adj:(-?\d+)(?:[ ,].*)?",
    re.DOTALL,
)
_SKIPPED = re.compile(
    SKIPPED_START.pattern + rb".*\) is already exiting\. Skip killing the task", re.DOTALL
)


def parse_events(records: list[LogRecord]) -> list[LogEvent]:
    """Return the OOM killer's lines in order; other lines and torn ones are skipped."""
    names = names_of_cpusets(records)
    records = [record for index, record in enumerate(records) if index not in names]
    first = line_without_head(records)
    events: list[LogEvent] = [] if first is None else [first]
    index, doubtful, tries = 0, False, MAX_TRIES
    while index < len(records):
        text, used = records[index].text, 1
        event: LogEvent | None
        if text.startswith(oom_report.BEGIN):
            event, doubtful = constraint_at(records, index, doubtful=doubtful)
            event = event or UnreadableLine(records[index].stamp, records[index].caller)
        elif text.startswith(oom_report.GROUP_BEGIN):
            event, tries = group_at(records, index) if tries else None, max(tries - 1, 0)
        else:
            event, used = _line_at(records, index)
            doubtful, tries = doubtful and event is None, MAX_TRIES if event else tries
        if event is not None:
            events.append(event)
        index += used
    return events


def unfinished_part(buffer: bytes) -> bytes:
    """Return the end of a buffer, from the start of a line whose end may still follow."""
    starts: list[int] = []
    records: list[LogRecord] = []
    for start, record in located_records(buffer):
        if is_single_printk(record.text):
            starts, records = [], []
        starts.append(start)
        records.append(record)
    for begin, form in ((oom_report.BEGIN, OOM_KILL), (oom_report.GROUP_BEGIN, GROUP)):
        for index, record in enumerate(records):
            if record.text.startswith(begin):
                found, _ = pieces(records, index, form)
                return b"" if form.is_whole(b"\n".join(found)) else buffer[starts[index] :]
    return b""


def _line_at(records: list[LogRecord], index: int) -> tuple[LogEvent | None, int]:
    record = records[index]
    event = _parse_text(record, record.text)
    if event is not None or not is_single_printk(record.text):
        return event, 1
    return _parse_lines(records, index) or (None, 1)


def _parse_lines(records: list[LogRecord], index: int) -> tuple[LogEvent, int] | None:
    """Join a record whose comm has newlines: each of its lines has the record's own prefix."""
    record = records[index]
    text = record.text
    for used, later in enumerate(records[index + 1 : index + MAX_LINES - 1], 2):
        line = later.as_line_of(record)
        if line is None:
            return None
        text += b"\n" + line
        event = _parse_text(record, text)
        if event is not None:
            return event, used
    return None


def _parse_text(record: LogRecord, text: bytes) -> LogEvent | None:
    if not is_single_printk(text):
        return None
    if killed := _KILLED.fullmatch(text):
        why, pid, comm, *numbers = killed.groups()
        if len(comm) > COMM_BYTES:  # a cgroup's name may be longer
            return None
        total, anon, file, shmem, uid, tables, adj = map(int, numbers)
        sizes = (total * KIB, anon * KIB, file * KIB, shmem * KIB)
        of_cgroup = why.startswith(b"Memory cgroup")
        facts = Killed(record.stamp, int(pid), comm, *sizes, uid, tables * KIB, adj, of_cgroup)
        return replace(facts, caller=record.caller)
    if skipped := _SKIPPED.fullmatch(text):
        return Skipped(record.stamp, int(skipped[2]), record.caller)
    return None


def printable(comm: bytes) -> str:
    """Escape control characters and bytes that are not UTF-8 in a process's comm."""
    text = as_text(comm)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def unread_part(tail: bytes, buffer: bytes, read: int | None = None) -> tuple[bytes, bool]:
    """Return what follows the end of the last read, and whether lines were lost.

    If the end of the last read is no longer in the ring buffer, lines were overwritten, and all of
    the buffer is new.

    Args:
        tail: The end of the last read.
        buffer: The ring buffer now.
        read: Where `tail` ended then. It can only have moved towards the front. Without time stamps
            the same text may appear again later, and all before it would count as read.
    """
    if not tail:
        return buffer, False
    at = buffer.rfind(tail, 0, read)
    if at < 0:
        return buffer, True
    return buffer[at + len(tail) :], False
