"""Globs over command lines, matched in time that no text can increase.

The language is that of fnmatch: `*`, `?`, `[...]` and `[!...]`, for the whole text and
case-sensitive. A glob is compiled to a row of character sets, and a bit mask records how many of
them may be matched so far (shift-and): each character of the text costs one shift, whatever the
glob is. Nothing is tried twice, so `*a*a*a*b` against a tenant's 4 KiB of `a` takes no longer than
`*` and one letter.
"""

from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

KEPT_GLOBS = 256
_LAST = 0x10FFFF

Ranges = tuple[tuple[int, int], ...]
"""First and last code point of each range."""


class _CharSet(Struct, frozen=True):
    """Matches one character: one in the ranges, or if `negated` any other."""

    ranges: Ranges
    negated: bool = False


class _Machine(Struct, frozen=True):
    """A compiled glob. Bit n of a mask stands for n matched character sets.

    Attributes:
        classes: Characters that no set distinguishes form a class, identified by its first code
            point.
        masks: By class, the sets that its characters match.
        loops: The sets after which a `*` matches anything.
        final: The last set.
    """

    classes: tuple[int, ...]
    masks: tuple[int, ...]
    loops: int
    final: int


def matches(glob: str, text: str) -> bool:
    """Return whether the whole text matches, as fnmatch.fnmatchcase does."""
    machine = _compile(glob)
    classes, masks, loops, final = machine.classes, machine.masks, machine.loops, machine.final
    states = 1
    for char in text:
        if states & loops & final:
            return True  # a `*` at the end matches the rest
        mask = masks[bisect_right(classes, ord(char)) - 1]
        states = (states << 1) & mask | states & loops
        if not states:
            return False
    return bool(states & final)


@lru_cache(KEPT_GLOBS)
def _compile(glob: str) -> _Machine:
    sets: list[_CharSet] = []
    loops = 0
    for part in _parse(glob):
        if part is None:
            loops |= 1 << len(sets)
        else:
            sets.append(part)
    classes = _classes(sets)
    return _Machine(classes, _masks(sets, classes), loops, 1 << len(sets))


def _parse(glob: str) -> Iterator[_CharSet | None]:
    """Yield the character sets; None stands for `*`."""
    at = 0
    while at < len(glob):
        char, at = glob[at], at + 1
        if char == "*":
            yield None
        elif char == "?":
            yield _CharSet((), negated=True)
        elif char == "[" and (end := _end_of_set(glob, at)) > 0:
            yield _set(glob[at:end])
            at = end + 1
        else:
            yield _CharSet(((ord(char), ord(char)),))


def _end_of_set(glob: str, at: int) -> int:
    """Find the `]`; a leading one is a member. -1 if there is none, and `[` is literal."""
    at += glob.startswith("!", at)
    at += glob.startswith("]", at)
    return glob.find("]", at)


def _set(inner: str) -> _CharSet:
    negated = inner.startswith("!")
    members = inner[negated:]
    ranges: list[tuple[int, int]] = []
    at = 0
    while at < len(members):
        first = last = ord(members[at])
        at += 1
        if members[at : at + 1] == "-" and at + 1 < len(members):
            last = ord(members[at + 1])
            at += 2
        if first <= last:
            ranges.append((first, last))
    return _CharSet(tuple(ranges), negated)


def _classes(sets: list[_CharSet]) -> tuple[int, ...]:
    bounds = {0}
    for charset in sets:
        for first, last in charset.ranges:
            bounds |= {first, last + 1}
    return tuple(sorted(bounds - {_LAST + 1}))


def _masks(sets: list[_CharSet], classes: tuple[int, ...]) -> tuple[int, ...]:
    masks = [0] * len(classes)
    for done, charset in enumerate(sets, start=1):
        members: set[int] = set()
        for first, last in charset.ranges:
            members.update(range(bisect_right(classes, first) - 1, bisect_right(classes, last)))
        for each in set(range(len(classes))) - members if charset.negated else members:
            masks[each] |= 1 << done
    return tuple(masks)
