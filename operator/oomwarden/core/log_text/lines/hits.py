"""Find keywords in a block of bytes, fast."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

Keyword = tuple[bytes, re.Pattern[bytes] | None]
"""A text, which is fast to find, and a pattern that matches there."""


def keywords(forms: Sequence[tuple[bytes, bytes]]) -> tuple[Keyword, ...]:
    """Return keywords of a text and a pattern each; an empty pattern always matches."""
    return tuple((text, re.compile(pattern) if pattern else None) for text, pattern in forms)


@dataclass(slots=True)
class Hits:
    """Finds the next keyword in a block; remembers where each keyword is next."""

    block: bytes
    keywords: tuple[Keyword, ...]
    _next: list[int] = field(init=False)
    _least: int = field(init=False)

    def __post_init__(self) -> None:
        find, none = self.block.find, len(self.block)
        self._next = [
            none if (at := find(text)) < 0 else at if pattern is None else self._find(each, at)
            for each in self.keywords
            for text, pattern in (each,)
        ]
        self._least = min(self._next)

    def next(self, at: int) -> int:
        """Return where the next keyword begins; the length of the block if there is none."""
        if self._least < at:
            for index, where in enumerate(self._next):
                if where < at:
                    self._next[index] = self._find(self.keywords[index], at)
            self._least = min(self._next)
        return self._least

    def _find(self, keyword: Keyword, at: int) -> int:
        text, pattern = keyword
        found = self.block.find(text, at)
        while found >= 0 and pattern is not None and pattern.match(self.block, found) is None:
            found = self.block.find(text, found + 1)
        return len(self.block) if found < 0 else found
