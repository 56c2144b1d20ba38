"""The kernel log as syslog(2) returns it: lines with a priority, and records in several pieces.

A pr_cont that cannot extend the last record becomes a record of its own, with the level that
messages without one get (CONFIG_MESSAGE_LOGLEVEL_DEFAULT, 4 by default): another CPU printed
meanwhile, or the record would exceed its longest size (Linux kernel/printk/printk.c,
vprintk_store, 5.10 to 7.2). With CONFIG_PRINTK_CALLER the caller says whose continuation it is.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

SOON_SECONDS = 10.0
"""Between two pieces of a line: a CPU may write to a slow serial console meanwhile."""
_MAX_RECORDS = 512
# Time and caller are printed independently of one another (info_print_prefix).
_LINE = re.compile(
    rb"<(\d+)>(?:(?:\[ *(\d+\.\d+)\](?:\[ *([TC]\d+)\])?|\[ *([TC]\d+)\]) )?(.*)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One line of the ring buffer: syslog priority, seconds since boot if stamped, text.

    `caller` is `T` and a thread's id or `C` and a CPU's number; None: this kernel prints none.
    """

    priority: int
    stamp: float | None
    text: bytes
    caller: bytes | None = None

    def begins_like(self, other: "LogRecord") -> bool:
        """Whether both may be lines of one record: each line of it repeats its prefix."""
        mine, others = (self.priority, self.stamp), (other.priority, other.stamp)
        return mine == others and self.caller == other.caller


def parse_line(line: bytes) -> LogRecord | None:
    """Split one line of the ring buffer; None for what has no priority (a torn first line)."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    stamp = float(found[2]) if found[2] else None
    return LogRecord(int(found[1]), stamp, found[5], found[3] or found[4])


def parse_records(buffer: bytes) -> list[LogRecord]:
    """Split a buffer into the kernel's own records; user space can never get facility 0."""
    lines = (parse_line(line) for line in buffer.split(b"\n"))
    return [record for record in lines if record is not None and record.priority >> 3 == 0]


@dataclass(frozen=True, slots=True)
class Form:
    """How a line that is printed in pieces goes on.

    `goes_on` takes the pieces so far and a text, and says whether that is the next piece; `closes`
    says that a text comes after the whole line; `whole` that nothing is missing.
    """

    goes_on: Callable[[Sequence[bytes], bytes], bool]
    closes: Callable[[bytes], bool]
    whole: Callable[[bytes], bool]


def pieces(records: Sequence[LogRecord], index: int, form: Form) -> tuple[list[bytes], int]:
    """Find the pieces of the line that begins at `index`, and the index where it is closed.

    Records of others in between are passed over.
    """
    found, end = [records[index].text], len(records)
    for at, record in _later(records, index):
        if form.closes(record.text):
            end = at
            break
        if form.goes_on(found, record.text):
            found.append(record.text)
    return found, end


def lines(records: Sequence[LogRecord], index: int, form: Form) -> list[bytes]:
    """Find the pieces again, with the lines that a newline in a comm made of them."""
    found, last = [records[index].text], index
    for at, record in _later(records, index):
        alike = at == last + 1 and record.begins_like(records[last])
        torn = alike and not form.whole(b"\n".join(found))
        if form.closes(record.text) and not torn:
            break
        if torn or form.goes_on(found, record.text):
            found.append(record.text)
            last = at
    return found


def _later(records: Sequence[LogRecord], index: int) -> Iterator[tuple[int, LogRecord]]:
    first = records[index]
    for at in range(index + 1, min(index + _MAX_RECORDS, len(records))):
        record = records[at]
        if (record.stamp or 0.0) - (first.stamp or 0.0) > SOON_SECONDS:
            return
        if record.caller == first.caller:
            yield at, record
