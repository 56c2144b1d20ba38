"""Compares what a command printed with what a page shows."""

import re
from collections.abc import Sequence

ANYTHING = "..."
_GRAPHIC = re.compile(r"[\u2500-\u259f]")
"""Lines and bars of charts."""
_OTHER_ELSEWHERE = re.compile(r"\d|-[b-df-hj-np-tv-xz]{5}\b")
"""A figure, or the random end of a pod's name (k8s.io/apimachinery, pkg/util/rand)."""
_BAR = r"\S*[\u2500-\u259f]\S*"


def differs(
    shown: Sequence[str], printed: str, *, figures_may_differ: bool, any_order: bool = False
) -> str:
    """Return the first shown line that was not printed in its place; empty if there is none.

    Args:
        shown: The lines of the page. Space counts as one blank; `...` stands for anything, a line
            of it for any number of lines.
        printed: What the command printed.
        figures_may_differ: As on another cluster: words with a digit, names of pods and bars may be
            others, and there may be more lines in between.
        any_order: Steps run side by side and may end in another order; each line counts once.
    """
    shown = "\n".join(shown).rstrip().splitlines()
    lines = [" ".join(line.split()) for line in printed.rstrip().splitlines()]
    at, skips = 0, figures_may_differ
    passed: set[int] = set()
    for line in shown:
        if line.strip() == ANYTHING:
            skips = True
            continue
        pattern = re.compile(_pattern(line, figures_may_differ=figures_may_differ))
        places = range(at, len(lines) if skips else min(at + 1, len(lines)))
        place = next((n for n in places if pattern.fullmatch(lines[n])), None)
        if place is not None:
            passed.update(range(at, place) if any_order else ())
            at = place + 1
        elif (place := next((n for n in passed if pattern.fullmatch(lines[n])), None)) is not None:
            passed.remove(place)
        else:
            return line
        skips = figures_may_differ
    return "" if skips or at >= len(lines) else f"(the end, but {lines[at]!r} was printed)"


def _pattern(line: str, *, figures_may_differ: bool) -> str:
    words = [_word(each, figures_may_differ=figures_may_differ) for each in line.split()]
    return " ".join(words).replace(f" {_BAR}", f"(?: {_BAR})*")


def _word(word: str, *, figures_may_differ: bool) -> str:
    if figures_may_differ and _GRAPHIC.search(word):
        return _BAR
    if figures_may_differ and _OTHER_ELSEWHERE.search(word):
        return r"\S+"
    return ".*".join(map(re.escape, word.split(ANYTHING)))
