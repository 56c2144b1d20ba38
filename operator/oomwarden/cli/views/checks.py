"""The checks of `kubectl oom doctor` for people: one line each, the remedy below it."""

import os
import sys
from collections.abc import Sequence

from oomwarden.cli.output.paragraphs import paragraph
from oomwarden.core.diagnosis.check import Check, Group, Result

MAX_GOOD_NODES = 10
"""Nodes with which all is well that have a line of their own."""
_TITLES = {
    Group.INSTALLATION: "INSTALLATION",
    Group.NODES: "NODES",
    Group.RIGHTS: "YOUR RIGHTS",
}
_COLOURS = {
    Result.OK: "32",
    Result.WARN: "33",
    Result.FAIL: "31",
    Result.SKIP: "2",
}
_WIDTH = len(Result.FAIL)


def checks_text(checks: Sequence[Check]) -> str:
    """Return all checks with their results, and a summary."""
    parts = [_section(group, [one for one in checks if one.group == group]) for group in Group]
    return "\n".join(filter(None, parts)) + f"\n{_summary(checks)}\n"


def _section(group: Group, checks: Sequence[Check]) -> str:
    if not checks:
        return ""
    good = [each for each in checks if each.result == Result.OK]
    hidden = good[MAX_GOOD_NODES:] if group == Group.NODES else []
    shown = [each for each in checks if each not in hidden] if hidden else checks
    text = "".join(map(_line, shown))
    more = f"{_mark(Result.OK)}  {len(hidden)} more nodes\n" if hidden else ""
    return f"{_TITLES[group]}\n{text}{more}"


def _line(check: Check) -> str:
    head = f"{check.result.value:<{_WIDTH}}  {check.name}: "
    text = paragraph(check.message, head, " " * (_WIDTH + 2))
    text = _mark(check.result) + text[_WIDTH:]
    if check.remedy:
        text += paragraph(check.remedy, f"{'':{_WIDTH}}  -> ")
    return text


def _mark(result: Result) -> str:
    padded = f"{result.value:<{_WIDTH}}"
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return padded
    return f"\x1b[{_COLOURS[result]}m{padded}\x1b[0m"


def _summary(checks: Sequence[Check]) -> str:
    counts = {each: sum(one.result == each for one in checks) for each in Result}
    words = {
        Result.FAIL: "failed",
        Result.WARN: "with a warning",
        Result.SKIP: "could not be made",
        Result.OK: "ok",
    }
    said = [f"{counts[each]} {word}" for each, word in words.items() if counts[each]]
    return f"{len(checks)} checks: {', '.join(said)}."
