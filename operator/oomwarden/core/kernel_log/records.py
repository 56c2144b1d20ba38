"""The kernel log as syslog(2) returns it: lines with a priority, and records in several pieces.

A pr_cont that cannot extend the last record becomes a record of its own, with the level that
messages without one get (CONFIG_MESSAGE_LOGLEVEL_DEFAULT, 4 by default): another CPU printed
meanwhile, or the record would exceed its longest size (Linux kernel/printk/printk.c,
vprintk_store, 5.10 to 7.2). With CONFIG_PRINTK_CALLER the caller says whose continuation it is.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

SOON_SECONDS = 10.0
"""Between two pieces of a line: a CPU may write to a slow serial console meanwhile."""
_MAX_RECORDS = 512
_CUT_BYTES = 900
"""A record has room for more: 1024 less its prefix (LOG_LINE_MAX, PRINTKRB_RECORD_MAX)."""
# Time and caller are printed independently of one another (info_print_prefix).
_LINE = re.compile(
    rb"<(\d+)>((?:(?:\[ *(\d+\.\d+)\](?:\[ *([TC]\d+)\])?|\[ *([TC]\d+)\]) )?(.*))", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One line of the ring buffer: syslog priority, seconds since boot if stamped, text.

    `caller` is `T` and a thread's id or `C` and a CPU's number; None: this kernel prints none.
    `whole` is the line after its priority: where the kernel prints neither time nor caller, what
    looks like one is text, such as a process's name.
    """

    priority: int
    stamp: float | None
    text: bytes
    caller: bytes | None = None
    whole: bytes = field(default=b"", compare=False)

    @property
    def is_bare(self) -> bool:
        """Whether it has neither time nor caller; the records of one read are all alike."""
        return self.stamp is None and self.caller is None

    def is_by_caller_of(self, first: "LogRecord") -> bool:
        """Whether the same thread, or CPU, may have printed both."""
        return first.is_bare or self.caller == first.caller

    def as_line_of(self, first: "LogRecord") -> bytes | None:
        """Give its text as a further line of a record: each line of it repeats its prefix."""
        if self.priority != first.priority:
            return None
        if first.is_bare:
            return self.whole
        return self.text if (self.stamp, self.caller) == (first.stamp, first.caller) else None


def parse_line(line: bytes) -> LogRecord | None:
    """Split one line of the ring buffer; None for what has no priority (a torn first line)."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    priority, whole, stamp, *caller, text = found.groups()
    at = float(stamp) if stamp else None
    return LogRecord(int(priority), at, text, caller[0] or caller[1], whole)


def parse_records(buffer: bytes) -> list[LogRecord]:
    """Split a buffer into the kernel's own records; user space can never get facility 0."""
    return [record for _, record in located_records(buffer)]


def located_records(buffer: bytes) -> Iterator[tuple[int, LogRecord]]:
    """Give the kernel's own records, and where in the buffer each line begins."""
    at = 0
    for line in buffer.split(b"\n"):
        record = parse_line(line)
        if record is not None and record.priority >> 3 == 0:
            yield at, record
        at += len(line) + 1


@dataclass(frozen=True, slots=True)
class Form:
    """How a line that is printed in pieces goes on.

    `goes_on` takes the pieces so far and a text, and says whether that is the next piece; `closes`
    says that a text comes after the whole line; `whole` that nothing is missing; `tears` that the
    next line may be the rest of a comm with a newline.
    """

    goes_on: Callable[[Sequence[bytes], bytes], bool]
    closes: Callable[[bytes], bool]
    whole: Callable[[bytes], bool]
    tears: Callable[[bytes], bool] = lambda _: False


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
    piece, found, last = records[index], [records[index].text], index
    for at, record in _later(records, index):
        line, text = record.as_line_of(piece), b"\n".join(found)
        if line is not None and at == last + 1 and form.tears(text) and not form.whole(text):
            found, last = [*found, line], at
        elif form.closes(record.text):
            break
        elif form.goes_on(found, record.text):
            piece, found, last = record, [*found, record.text], at
    return found


def long_lines(records: Sequence[LogRecord], index: int) -> list[bytes]:
    """Find the lines, one right after the other, of a text that was cut at any byte."""
    found, cut = [records[index].text], len(records[index].text) >= _CUT_BYTES
    for record in records[index + 1 : index + _MAX_RECORDS if cut else 0]:
        line = record.as_line_of(records[index])
        if line is None:
            break
        found.append(line)
        if len(line) < _CUT_BYTES:
            break
    return found


def _later(records: Sequence[LogRecord], index: int) -> Iterator[tuple[int, LogRecord]]:
    first = records[index]
    for at in range(index + 1, min(index + _MAX_RECORDS, len(records))):
        record = records[at]
        if first.stamp is not None and (record.stamp or 0.0) - first.stamp > SOON_SECONDS:
            return
        if record.is_by_caller_of(first):
            yield at, record
