"""Find the lines near the OOM killer's messages, fast and with bounded memory."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

_KEYWORDS = tuple(
    (text, re.compile(pattern))
    for text, pattern in (
        (b"oom", rb"oom(?:-kill|_reaper|_score_adj|_kill|_memcg| event|\.group)"),
        (b"emory", rb"(?<=of [Mm])emory|emory cgroup|(?<=available m)emory"),
        (b" process ", rb"(?:(?<=[Kk]illed)|(?<=[Kk]ill)) process "),
        (b"total", rb"total[-_]vm"),
        (b"as a result of limit", rb""),
        (b"System OOM", rb""),
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
_TASK_LIST = b"total_vm"


@dataclass(frozen=True, slots=True)
class RawLine:
    """A line of the log.

    Attributes:
        number: Counted from 1.
        text: Without its newline.
        adjoins: Whether it directly follows the line before it in the result.
    """

    number: int
    text: bytes
    adjoins: bool


@dataclass(slots=True)
class LineScanner:
    """Finds lines of interest in pieces of a log; the result does not depend on the pieces."""

    has_text: bool = False
    _rest: bytes = b""
    _before: deque[bytes] = field(default_factory=lambda: deque(maxlen=_BEFORE))
    _number: int = 1
    _wanted: int = 0
    _adjoins: bool = False

    def feed(self, data: bytes) -> Iterator[RawLine]:
        """Add bytes, and yield the lines of interest that are complete."""
        data = self._rest + data
        begin = 0
        for end in _block_ends(data):
            yield from self._scan(data[begin:end])
            begin = end
        self._rest = data[begin:]

    def finish(self) -> Iterator[RawLine]:
        """Yield what is left at the end of the log."""
        rest, self._rest = self._rest, b""
        if rest:
            yield from self._scan(rest)

    def _scan(self, block: bytes) -> Iterator[RawLine]:
        """Yield the lines of interest of a block of whole lines."""
        hits = _Hits(block)
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
            end = block.find(b"\n", at)
            end = len(block) if end < 0 else end
            text = block[at:end]
            if hit <= end and hit < len(block):
                self._wanted = _AFTER_TASK_LIST if _TASK_LIST in text else _AFTER
            else:
                self._wanted -= 1
            yield self._line(text)
            at = end + 1

    def _line(self, text: bytes) -> RawLine:
        line = RawLine(self._number, text, self._adjoins)
        self._number += 1
        self._adjoins = True
        return line

    def _skip(self, block: bytes, begin: int, end: int) -> None:
        if begin == end:
            return
        count = block.count(b"\n", begin, end) + (not block.endswith(b"\n", begin, end))
        start = end
        for _ in range(min(_BEFORE, count) + 1):
            start = block.rfind(b"\n", begin, start)
            if start < 0:
                start = begin - 1
                break
        self._before.extend(block[start + 1 : end].split(b"\n")[:count][-_BEFORE:])
        self._number += count
        self._adjoins = False

    def _lines_before(self) -> Iterator[RawLine]:
        number = self._number
        for back, text in zip(range(len(self._before), 0, -1), tuple(self._before), strict=True):
            yield RawLine(number - back, text, self._adjoins)
            self._adjoins = True
        self._before.clear()


@dataclass(slots=True)
class _Hits:
    """Finds the next keyword in a block; remembers where each keyword is next."""

    block: bytes
    _next: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._next = [self._find(each, 0) for each in _KEYWORDS]

    def next(self, at: int) -> int:
        """Return where the next keyword begins; the length of the block if there is none."""
        if min(self._next) < at:
            for index, where in enumerate(self._next):
                if where < at:
                    self._next[index] = self._find(_KEYWORDS[index], at)
        return min(self._next)

    def _find(self, keyword: tuple[bytes, re.Pattern[bytes]], at: int) -> int:
        text, pattern = keyword
        found = self.block.find(text, at)
        while found >= 0 and pattern.match(self.block, found) is None:
            found = self.block.find(text, found + 1)
        return len(self.block) if found < 0 else found


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
