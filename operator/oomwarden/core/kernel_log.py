"""Read the OOM killer's lines out of the kernel log (Linux mm/oom_kill.c, 5.10 to 7.x).

Input is raw bytes as syslog(2) gives them. A `comm` may hold anything, also a newline, spaces,
brackets and bytes that are not UTF-8: this interface does not escape. Nothing here is believed
without a counter that moved.
"""

import re
from dataclasses import dataclass

KIB = 1024


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One line of the ring buffer: syslog priority, seconds since boot if stamped, text."""

    priority: int
    stamp: float | None
    text: bytes


@dataclass(frozen=True, slots=True)
class Killed:
    """`Killed process`: never rate limited. Sizes in bytes."""

    stamp: float | None
    pid: int
    comm: bytes
    total_vm: int
    anon_rss: int
    file_rss: int
    shmem_rss: int
    uid: int
    page_tables: int
    oom_score_adj: int
    of_cgroup: bool = True
    """Whether a cgroup's memory ran out, not the machine's."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """`oom-kill:`: whose memory ran out and who was chosen; dropped after 10 in 5 s.

    `oom_memcg` is None when the whole machine ran out (`global_oom`).
    """

    stamp: float | None
    oom_memcg: str | None
    task_memcg: str
    pid: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """`OOM victim ... is already exiting`: chosen, but neither killed nor counted."""

    stamp: float | None
    pid: int


@dataclass(frozen=True, slots=True)
class GroupKill:
    """`Tasks in PATH are going to be killed`: follows its first victim, never rate limited."""

    stamp: float | None
    path: str


LogEvent = Killed | Constraint | GroupKill | Skipped

MAX_LINES = 17
"""A comm of 15 bytes is 15 newlines at most, and a line is what lies between two."""
_SOON_SECONDS = 1.0

_LONG = b"oom-kill:constraint="
_LINE = re.compile(rb"<(\d+)>(?:\[ *(\d+\.\d+)\](?:\[ *[TC]\d+\])? )?(.*)", re.DOTALL)
_KILLED_START = re.compile(
    rb"(Memory cgroup out of memory|Out of memory(?: \(\w+\))?)"
    rb": Killed process (\d+) \("
)
# Greedy: a comm may imitate the tail, so the last one counts.
_KILLED = re.compile(
    _KILLED_START.pattern + rb"(.*)\) total-vm:(\d+)kB, anon-rss:(\d+)kB, file-rss:(\d+)kB, "
    rb"shmem-rss:(\d+)kB, UID:(\d+) pgtables:(\d+)kB oom_score_adj:(-?\d+)(?:[ ,].*)?",
    re.DOTALL,
)
_CONSTRAINT = re.compile(
    rb"oom-kill:constraint=[^,]*,nodemask=.*?,(?:oom_memcg=([^,]*)|global_oom),"
    rb"task_memcg=(.*?),task=(.*),pid=(\d+),uid=(\d+)",
    re.DOTALL,
)
_SKIPPED = re.compile(
    rb".*: OOM victim (\d+) \(.*\) is already exiting\. Skip killing the task", re.DOTALL
)
_GROUP = re.compile(rb"Tasks in (.*) are going to be killed due to memory\.oom\.group set")


def parse_line(line: bytes) -> LogRecord | None:
    """Split one line of the ring buffer; None for what has no priority (a torn first line)."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    stamp = float(found[2]) if found[2] else None
    return LogRecord(int(found[1]), stamp, found[3])


def parse_records(buffer: bytes) -> list[LogRecord]:
    """Split a buffer into the kernel's own records; user space can never get facility 0."""
    lines = (parse_line(line) for line in buffer.split(b"\n"))
    return [record for record in lines if record is not None and record.priority >> 3 == 0]


def parse_events(records: list[LogRecord]) -> list[LogEvent]:
    """Find the OOM killer's lines, in order; other lines, also torn ones, are passed over."""
    events: list[LogEvent] = []
    index = 0
    while index < len(records):
        event, used = _parse_at(records, index)
        if event is not None:
            events.append(event)
        index += used
    return events


def _parse_at(records: list[LogRecord], index: int) -> tuple[LogEvent | None, int]:
    record = records[index]
    event = _parse_text(record.stamp, record.text)
    if event is not None or not _is_open(record.text):
        return event, 1
    parse = _parse_pieces if record.text.startswith(_LONG) else _parse_lines
    return parse(records, index) or (None, 1)


def _parse_lines(records: list[LogRecord], index: int) -> tuple[LogEvent, int] | None:
    """Join a record whose comm holds newlines: each of its lines has the record's own prefix."""
    record = records[index]
    for used in range(2, MAX_LINES):
        lines = records[index : index + used]
        if len(lines) < used or (lines[-1].stamp, lines[-1].priority) != (
            record.stamp, record.priority
        ):  # fmt: skip
            return None
        event = _parse_text(record.stamp, b"\n".join(line.text for line in lines))
        if event is not None:
            return event, used
    return None


def _parse_pieces(records: list[LogRecord], index: int) -> tuple[LogEvent, int] | None:
    """Join an `oom-kill:` line that was too long for one record; the next piece follows at once.

    Newlines of a comm are lost, which nobody misses here; a cgroup's name has none (Linux
    kernel/cgroup/cgroup.c, cgroup_mkdir).
    """
    record = records[index]
    for used in range(2, MAX_LINES):
        pieces = records[index : index + used]
        if len(pieces) < used or not _follows(record, pieces[-1]):
            return None
        event = _parse_text(record.stamp, b"".join(piece.text for piece in pieces))
        if event is not None:
            return event, used
    return None


def _follows(record: LogRecord, piece: LogRecord) -> bool:
    late = (piece.stamp or 0.0) - (record.stamp or 0.0) > _SOON_SECONDS
    return piece.priority == record.priority and not late and not _is_open(piece.text)


def _is_open(text: bytes) -> bool:
    return text.startswith(_LONG) or _KILLED_START.match(text) is not None


def _parse_text(stamp: float | None, text: bytes) -> LogEvent | None:
    if killed := _KILLED.fullmatch(text):
        why, pid, comm, *numbers = killed.groups()
        total, anon, file, shmem, uid, tables, adj = map(int, numbers)
        sizes = (total * KIB, anon * KIB, file * KIB, shmem * KIB)
        of_cgroup = why.startswith(b"Memory cgroup")
        return Killed(stamp, int(pid), comm, *sizes, uid, tables * KIB, adj, of_cgroup)
    if found := _CONSTRAINT.fullmatch(text):
        oom_memcg = None if found[1] is None else _text(found[1])
        return Constraint(stamp, oom_memcg, _text(found[2]), int(found[4]))
    if skipped := _SKIPPED.fullmatch(text):
        return Skipped(stamp, int(skipped[1]))
    if group := _GROUP.fullmatch(text):
        return GroupKill(stamp, _text(group[1]))
    return None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def printable(comm: bytes) -> str:
    """Make a process's comm safe to print: control characters and stray bytes are escaped."""
    text = _text(comm)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def unread_part(tail: bytes, buffer: bytes) -> tuple[bytes, bool]:
    """Give what came after `tail`, the end of the last read, and whether lines were lost.

    The ring overran when the end of the last read is no longer in it: all of it is new then.
    """
    if not tail:
        return buffer, False
    at = buffer.rfind(tail)
    if at < 0:
        return buffer, True
    return buffer[at + len(tail) :], False
