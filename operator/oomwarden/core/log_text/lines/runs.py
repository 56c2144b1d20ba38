"""Read many lines at once: rows of a list of tasks, counters, and lines that say nothing of a kill.

A log in trouble consists of little else. In a log whose lines have one form of prefix, what is read
here has exactly the effect that it has when it is read line by line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from oomwarden.core.log_text.lines.forms import CTIME, HOST, ISO, PLAIN, STAMPED, TAG, TIME
from oomwarden.core.log_text.lines.hits import Hits, keywords
from oomwarden.core.log_text.lines.scan import RawLine, Stretch

_TEXT = PLAIN + rb"(?:(?:\[\]|</?(?:TASK|IRQ|NMI)>)" + PLAIN + rb")?+\r?\n"
_COUNTER = rb"(?P<key>[a-z_]{1,40}) (?P<size>\d{1,20})\r?\n"
_TALKING = keywords(
    (
        (b"oom", b""),
        (b"kill", b""),
        (b"process", b""),
        (b"victim", b""),
        (b"usage", b""),
        (b"cgroup stats", b""),
        (b"Task", rb"Tasks? in"),
        (b"ut of ", rb"ut of [Mm]emory"),
        (b"total_vm", b""),
        (b"deadlocked", b""),
        (b"PID:", b""),
        (b"Pid:", b""),
        (b"pages R", b""),
        (b"pages reserved", b""),
        (b"wap", rb"wap *[=:]"),
        (b"active_anon:", rb"active_anon:(?![^\n]*kB)"),
        (b"message", b""),
        (b"suppressed", b""),
        (b"=3D", b""),
    )
)
"""What every line has that says something of a kill, of a report or of lost messages."""
_BRACKETS = b"[<"
"""A line without a host begins with one of them."""
_LEAST = 3
"""Fewer lines are not worth it."""
_LEAST_BYTES = 256
_MAX_QUIET = 1 << 13
"""Bytes of a quiet run: one that may not be taken is looked at again at its next line."""


def _lines(text: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return patterns of lines with a time only, and of those of one host."""
    hosted = TIME + rb"(?P<host>" + HOST + rb")" + TAG + text
    again = TIME + rb"(?P=host)" + TAG + text
    return (
        re.compile(rb"(?:" + STAMPED + text + rb")++"),
        re.compile(hosted + rb"(?:" + again + rb")*+"),
    )


_QUIET = _lines(_TEXT)
_COUNTERS = _lines(re.sub(rb"\?P<\w+>", rb"?:", _COUNTER))
_ONE_COUNTER = re.compile(rb"(?P<prefix>[^\n]*[\]:] )" + _COUNTER)


_ROW_TIME = rb"(?:" + ISO + rb" |" + CTIME + rb")?+"
_SAME = rb"(?P<same>[^\[{\"\n]{0,256}+)"
_ROW_STAMP = rb"(?:\[ *\d+\.\d+\]:? ?)?+"
_HEAD = re.compile(_ROW_TIME + _SAME + _ROW_STAMP + rb"\[ *pid *\] +uid [a-z_ ]+ name\r?")


class Counter(NamedTuple):
    """A line below `Memory cgroup stats`: its prefix, a key and bytes."""

    number: int
    prefix: str
    key: str
    size: int


@dataclass(slots=True)
class Runs:
    """Goes through the lines of a stretch, with many lines at a time where that is possible."""

    stretch: Stretch
    _at: int = 0
    _number: int = field(init=False)
    _begin: int = 0
    _end: int = 0  # of lines whose form is known
    _hits: Hits | None = None

    def __post_init__(self) -> None:
        self._number = self.stretch.number

    @property
    def is_done(self) -> bool:
        """Whether no line is left."""
        return self._at >= len(self.stretch.text)

    @property
    def is_short(self) -> bool:
        """Whether so little is left that it is read line by line."""
        return len(self.stretch.text) - self._at < _LEAST_BYTES

    @property
    def adjoins(self) -> bool:
        """Whether the next line directly follows the one before it."""
        return self._at > 0 or self.stretch.adjoins

    def line(self) -> RawLine:
        """Take one line."""
        begin, text = self._at, self.stretch.text
        newline = text.find(b"\n", begin)
        end = len(text) if newline < 0 else newline
        self._at, self._number = end + 1, self._number + 1
        return self.stretch.line(self._number - 1, begin, end)

    def take(self, run: bytes) -> None:
        """Take a run that was found."""
        self._at += len(run)
        self._number += run.count(b"\n")

    def rows(self, columns: int) -> tuple[bytes, bytes] | None:
        """Find rows of a list of tasks; return what all prefixes share, and all rows but the last.

        The line after the last one may go on with it.
        """
        found = _rows(columns).match(self.stretch.text, self._at)
        if found is None:
            return None
        text = found[0]
        return found["same"], text[: text.rfind(b"\n", 0, len(text) - 1) + 1]

    def quiet(self) -> bytes | None:
        """Find records of their own that say nothing, but for the last one of them."""
        if self._at >= self._end:
            self._find_records()
        if self._hits is None:
            return None
        hit = self._begin + self._hits.next(self._at - self._begin)
        most = min(hit, self._at + _MAX_QUIET)
        end = hit if most == self._end else self.stretch.text.rfind(b"\n", self._at, most) + 1
        return self._but_last(end) if end > self._at else None

    def counters(self) -> bytes | None:
        """Find lines below `Memory cgroup stats`, but for the last one of them."""
        text, at = self.stretch.text, self._at
        found = _COUNTERS[text[at] not in _BRACKETS].match(text, at)
        return self._but_last(found.end()) if found else None

    def each_counter(self, run: bytes, keys: frozenset[str]) -> Iterator[Counter]:
        """Yield the lines with these keys in a run of counters, which has not been taken yet."""
        for at, (prefix, name, size) in enumerate(_ONE_COUNTER.findall(run)):
            if (key := name.decode()) in keys:
                yield Counter(self._number + at, prefix.decode(), key, int(size))

    def _find_records(self) -> None:
        text, at = self.stretch.text, self._at
        found = _QUIET[text[at] not in _BRACKETS].match(text, at)
        self._begin, self._end = at, found.end() if found else at
        is_worth = found is not None and text.count(b"\n", at, self._end) >= _LEAST
        self._hits = Hits(text[at : self._end], _TALKING) if is_worth else None

    def _but_last(self, end: int) -> bytes | None:
        """Leave out the last line, because the one after it may go on with it."""
        text, at = self.stretch.text, self._at
        if text.count(b"\n", at, end) < _LEAST:
            return None
        return text[at : text.rfind(b"\n", at, end - 1) + 1]


def list_prefix(line: bytes) -> bytes | None:
    """Return what the rows below the head of a list of tasks share; None for another line."""
    found = _HEAD.fullmatch(line) if b"total_vm" in line else None
    return found["same"] if found else None


@lru_cache(maxsize=16)
def _rows(columns: int) -> re.Pattern[bytes]:
    # A name that begins with a number is read with care.
    numbers = rb"-?\d{1,18}(?: +-?\d{1,18}){%d}" % max(columns - 1, 0)
    row = _ROW_STAMP + rb"\[ *\d{1,10}\] +" + numbers + rb" (?!-?\d+ )[!-~][ -~]{0,31}\r{0,2}\n"
    again = rb"(?:" + _ROW_TIME + rb"(?P=same)" + row + rb")*+"
    return re.compile(_ROW_TIME + _SAME + row + again)
