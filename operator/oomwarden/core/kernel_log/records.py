"""The kernel log as syslog(2) returns it: lines with a priority, and records in several pieces.

A pr_cont that cannot extend the last record becomes a record of its own, because another CPU has
printed in between or the record would exceed its maximum size. It has the default level of messages
without one (CONFIG_MESSAGE_LOGLEVEL_DEFAULT, 4 by default). Source: Linux kernel/printk/printk.c,
vprintk_store, 5.10 to 7.2. With CONFIG_PRINTK_CALLER, the caller shows which line it continues.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

SOON_SECONDS = 10.0
"""Maximum time between two pieces of a line: a CPU may write to a slow serial console."""
_MAX_RECORDS = 512
_CUT_BYTES = 900
"""A record may have more: 1024 less its prefix (LOG_LINE_MAX, PRINTKRB_RECORD_MAX)."""
# Time and caller are printed independently of one another (info_print_prefix).
_LINE = re.compile(
    rb"<(\d+)>((?:(?:\[ *(\d+\.\d+)\](?:\[ *([TC]\d+)\])?|\[ *([TC]\d+)\]) )?(.*))", re.DOTALL
)


class LogRecord(Struct, frozen=True, gc=False):
    """One line of the ring buffer.

    Attributes:
        priority: The syslog priority.
        stamp: Seconds since boot; None if the kernel prints no time.
        caller: `T` and a thread's id, or `C` and a CPU's number; None if the kernel prints none.
        whole: The line after its priority. If the kernel prints neither time nor caller, what looks
            like one is text, such as a process's name.
    """

    priority: int
    stamp: float | None
    text: bytes
    caller: bytes | None = None
    whole: bytes = b""

    @property
    def is_bare(self) -> bool:
        """Whether it has neither time nor caller; this is the same for all records of a read."""
        return self.stamp is None and self.caller is None

    def is_by_caller_of(self, first: "LogRecord") -> bool:
        """Return whether the same thread, or CPU, may have printed both."""
        return first.is_bare or self.caller == first.caller

    def as_line_of(self, first: "LogRecord") -> bytes | None:
        """Return its text as a further line of a record, each of which repeats the prefix."""
        if self.priority != first.priority:
            return None
        if first.is_bare:
            return self.whole
        return self.text if (self.stamp, self.caller) == (first.stamp, first.caller) else None


def parse_line(line: bytes) -> LogRecord | None:
    """Parse one line of the ring buffer; None if it has no priority (a torn first line)."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    priority, whole, stamp, *caller, text = found.groups()
    at = float(stamp) if stamp else None
    return LogRecord(int(priority), at, text, caller[0] or caller[1], whole)


def parse_records(buffer: bytes) -> list[LogRecord]:
    """Return the kernel's own records in a buffer; user space can never use facility 0."""
    return [record for _, record in located_records(buffer)]


def located_records(buffer: bytes) -> Iterator[tuple[int, LogRecord]]:
    """Yield the kernel's own records, and where in the buffer each line begins."""
    at = 0
    for line in buffer.split(b"\n"):
        record = parse_line(line)
        if record is not None and record.priority >> 3 == 0:
            yield at, record
        at += len(line) + 1


class LineForm(Struct, frozen=True):
    """How the pieces of a line are recognized.

    Attributes:
        is_next: Whether a text is the next piece after the pieces so far.
        closes: Whether a text comes after the whole line.
        is_whole: Whether the line is complete.
        may_hold_newline: Whether the next line may be the rest of a comm with a newline.
    """

    is_next: Callable[[Sequence[bytes], bytes], bool]
    closes: Callable[[bytes], bool]
    is_whole: Callable[[bytes], bool]
    may_hold_newline: Callable[[bytes], bool] = lambda _: False


def pieces(records: Sequence[LogRecord], index: int, form: LineForm) -> tuple[list[bytes], int]:
    """Return the pieces of the line that begins at `index`, and the index where it is closed.

    Other records in between are skipped.
    """
    found, end = [records[index].text], len(records)
    for at, record in _later(records, index):
        if form.closes(record.text):
            end = at
            break
        if form.is_next(found, record.text):
            found.append(record.text)
    return found, end


def lines(records: Sequence[LogRecord], index: int, form: LineForm) -> list[bytes]:
    """Return the pieces, joined with the lines that newlines in a comm split off."""
    piece, found, last = records[index], [records[index].text], index
    for at, record in _later(records, index):
        line, text = record.as_line_of(piece), b"\n".join(found)
        if (
            line is not None
            and at == last + 1
            and form.may_hold_newline(text)
            and not form.is_whole(text)
        ):
            found, last = [*found, line], at
        elif form.closes(record.text):
            break
        elif form.is_next(found, record.text):
            piece, found, last = record, [*found, record.text], at
    return found


def long_lines(records: Sequence[LogRecord], index: int) -> list[bytes]:
    """Return the consecutive lines of a text that was cut at any byte."""
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
