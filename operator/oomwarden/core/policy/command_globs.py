"""Globs over command lines, in time that no text can stretch.

The language is fnmatch's: `*`, `?`, `[...]`, `[!...]`, the whole text, capitals as they are.
A glob becomes a row of steps, and a bit mask holds how many steps may be done so far (shift-and):
each character of the text costs one shift, whatever the glob is. Nothing is tried twice, so
`*a*a*a*b` against a tenant's 4 KiB of `a` takes no longer than `*` and one letter.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

KEPT_GLOBS = 256
_LAST = 0x10FFFF

Ranges = tuple[tuple[int, int], ...]
"""First and last code point of each."""


@dataclass(frozen=True, slots=True)
class _Step:
    """Takes one character: of the ranges, or when `negated` any other."""

    ranges: Ranges
    negated: bool = False


@dataclass(frozen=True, slots=True)
class _Machine:
    """Characters that no step tells apart are one class, known by its first code point.

    Bit n of a mask stands for n steps done; `masks` holds, by class, those that a character leads
    to, `loops` those after which a `*` takes anything, `final` the last one.
    """

    classes: tuple[int, ...]
    masks: tuple[int, ...]
    loops: int
    final: int


def matches(glob: str, text: str) -> bool:
    """Tell whether the whole text matches, as fnmatch.fnmatchcase does."""
    machine = _compile(glob)
    classes, masks, loops, final = machine.classes, machine.masks, machine.loops, machine.final
    states = 1
    for char in text:
        if states & loops & final:
            return True  # a `*` at the end takes the rest
        mask = masks[bisect_right(classes, ord(char)) - 1]
        states = (states << 1) & mask | states & loops
        if not states:
            return False
    return bool(states & final)


@lru_cache(KEPT_GLOBS)
def _compile(glob: str) -> _Machine:
    steps: list[_Step] = []
    loops = 0
    for part in _parse(glob):
        if part is None:
            loops |= 1 << len(steps)
        else:
            steps.append(part)
    classes = _classes(steps)
    return _Machine(classes, _masks(steps, classes), loops, 1 << len(steps))


def _parse(glob: str) -> Iterator[_Step | None]:
    """Give the steps; None stands for `*`."""
    at = 0
    while at < len(glob):
        char, at = glob[at], at + 1
        if char == "*":
            yield None
        elif char == "?":
            yield _Step((), negated=True)
        elif char == "[" and (end := _end_of_set(glob, at)) > 0:
            yield _set(glob[at:end])
            at = end + 1
        else:
            yield _Step(((ord(char), ord(char)),))


def _end_of_set(glob: str, at: int) -> int:
    """Find the `]`; a first one is a member. -1: there is none, and `[` stands for itself."""
    at += glob.startswith("!", at)
    at += glob.startswith("]", at)
    return glob.find("]", at)


def _set(inner: str) -> _Step:
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
    return _Step(tuple(ranges), negated)


def _classes(steps: list[_Step]) -> tuple[int, ...]:
    bounds = {0}
    for step in steps:
        for first, last in step.ranges:
            bounds |= {first, last + 1}
    return tuple(sorted(bounds - {_LAST + 1}))


def _masks(steps: list[_Step], classes: tuple[int, ...]) -> tuple[int, ...]:
    masks = [0] * len(classes)
    for done, step in enumerate(steps, start=1):
        taken: set[int] = set()
        for first, last in step.ranges:
            taken.update(range(bisect_right(classes, first) - 1, bisect_right(classes, last)))
        for each in set(range(len(classes))) - taken if step.negated else taken:
            masks[each] |= 1 << done
    return tuple(masks)
