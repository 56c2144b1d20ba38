"""Find the lines near the OOM killer's messages, fast and with bounded memory."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct, field

from oomwarden.core.log_text.lines.hits import Hits, keywords

_KEYWORDS = keywords(
    (
        (b"oom", rb"oom(?:-kill|_reaper|_score_adj|_kill|_memcg| event|\.group)"),
        (b"emory", rb"(?<=of [Mm])emory|emory cgroup|(?<=available m)emory"),
        (b" process ", rb"(?:(?<=[Kk]illed)|(?<=[Kk]ill)) process "),
        (b"total", rb"total[-_]vm"),
        (b"as a result of limit", rb""),
        (b"System OOM", rb""),
        (b"OOMKilled ", rb""),
        (b'"MESSAGE"', rb'"MESSAGE" ?: ?\['),
    )
)
"""What a line of interest has: a text, which is fast to find, and a pattern that matches there.
None contains a newline."""
MAX_LINE = 1 << 16
"""Bytes of a line; a longer one is cut, at a space if there is one near."""
_CUT_WINDOW = 1 << 10
_BEFORE = 48
"""Lines before a keyword that are of interest: the fields of a journal entry, a wrapped line."""
_AFTER, _AFTER_TASK_LIST = 64, 20_000
"""Lines after a keyword that are of interest: the rest of a report; the list of tasks."""
_TASK_LIST, _NEWLINE = b"total_vm", ord("\n")


class RawLine(NamedTuple):
    """A line of the log.

    Attributes:
        number: Counted from 1.
        text: Without its newline.
        adjoins: Whether it directly follows the line before it in the result.
    """

    number: int
    text: bytes
    adjoins: bool


class Stretch(NamedTuple):
    """Lines of interest that follow each other.

    Attributes:
        number: The first line's, counted from 1.
        text: With newlines; only the last line may lack its own.
        adjoins: Whether the first line directly follows the line before it in the result.
    """

    number: int
    text: bytes
    adjoins: bool

    def line(self, number: int, begin: int, end: int) -> RawLine:
        """Return the line with a number, which is a part of the text."""
        return RawLine(number, self.text[begin:end], self.adjoins or begin > 0)

    def lines(self) -> Iterator[RawLine]:
        """Yield each line."""
        begin = 0
        for number in range(self.number, self.number + _count(self.text)):
            end = self.text.find(b"\n", begin)
            end = len(self.text) if end < 0 else end
            yield self.line(number, begin, end)
            begin = end + 1


class LineScanner(Struct):
    """Finds lines of interest in pieces of a log; the lines do not depend on the pieces."""

    has_text: bool = False
    _rest: bytes = b""
    _before: deque[bytes] = field(default_factory=lambda: deque(maxlen=_BEFORE))
    _number: int = 1
    _wanted: int = 0
    _adjoins: bool = False

    def feed(self, data: bytes) -> Iterator[Stretch]:
        """Add bytes, and yield the lines of interest that are complete."""
        data = self._rest + data
        begin = 0
        for end in _block_ends(data):
            yield from self._scan(data[begin:end])
            begin = end
        self._rest = data[begin:]

    def finish(self) -> Iterator[Stretch]:
        """Yield what is left at the end of the log."""
        rest, self._rest = self._rest, b""
        if rest:
            yield from self._scan(rest)

    def _scan(self, block: bytes) -> Iterator[Stretch]:
        """Yield the lines of interest of a block of whole lines."""
        hits = Hits(block, _KEYWORDS)
        at = 0
        while at < len(block):
            hit = hits.next(at)
            if not self._wanted:
                if hit == len(block):
                    self._skip(block, at, hit)
                    return
                begin = block.rfind(b"\n", at, hit) + 1 or at
                self._skip(block, at, begin)
                yield from self._lines_before()
                at = begin
            end = self._end_of_wanted(block, at, hit)
            yield self._stretch(block[at:end])
            at = end

    def _end_of_wanted(self, block: bytes, at: int, hit: int) -> int:
        """Return where the lines before a keyword end; if it is on the first line, where it ends.

        Lines too far from the keyword before them are left out.
        """
        stop = hit if hit == len(block) else block.rfind(b"\n", at, hit) + 1 or at
        if stop == at:
            end = block.find(b"\n", at) + 1 or len(block)
            in_list = block.find(_TASK_LIST, at, end) >= 0
            self._wanted = _AFTER_TASK_LIST if in_list else _AFTER
            return end
        count = _count(block, at, stop)
        if count > self._wanted:
            stop, count = _after_lines(block, at, self._wanted), self._wanted
        self._wanted -= count
        return stop

    def _stretch(self, text: bytes) -> Stretch:
        stretch = Stretch(self._number, text, self._adjoins)
        self._number += _count(text)
        self._adjoins = True
        return stretch

    def _skip(self, block: bytes, begin: int, end: int) -> None:
        if begin == end:
            return
        count = _count(block, begin, end)
        start = end
        for _ in range(min(_BEFORE, count) + 1):
            start = block.rfind(b"\n", begin, start)
            if start < 0:
                start = begin - 1
                break
        self._before.extend(block[start + 1 : end].split(b"\n")[:count][-_BEFORE:])
        self._number += count
        self._adjoins = False

    def _lines_before(self) -> Iterator[Stretch]:
        if not self._before:
            return
        lines = [each + b"\n" for each in self._before]
        yield Stretch(self._number - len(lines), b"".join(lines), self._adjoins)
        self._adjoins = True
        self._before.clear()


def _count(text: bytes, begin: int = 0, end: int | None = None) -> int:
    """Count lines; the last one may lack its newline."""
    end = len(text) if end is None else end
    return text.count(b"\n", begin, end) + (text[end - 1] != _NEWLINE)


def _after_lines(text: bytes, at: int, count: int) -> int:
    for _ in range(count):
        at = text.find(b"\n", at) + 1
    return at


def _block_ends(data: bytes) -> Iterator[int]:
    """Yield where blocks of whole lines end; a line that is too long is cut."""
    at = begin = 0
    while True:
        newline = data.rfind(b"\n", at, at + MAX_LINE + 1)
        if newline >= 0:
            at = newline + 1
        elif len(data) - at > MAX_LINE:
            if at > begin:
                yield at
            cut = data.rfind(b" ", at + MAX_LINE - _CUT_WINDOW, at + MAX_LINE) + 1
            at = begin = cut or at + MAX_LINE
            yield at
        else:
            break
    if at > begin:
        yield at
