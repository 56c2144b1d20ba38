"""The story of a kill on one screen."""

import re
import sys
from datetime import datetime

from oomwarden.cli.output.ages import age
from oomwarden.cli.output.bars import bar
from oomwarden.cli.output.chart import chart, encodes_blocks
from oomwarden.cli.output.pages import LABEL_WIDTH, Span, TextPage
from oomwarden.core.explanation.story import FilledMemory, KillStory, KillSubject, UsageCurve
from oomwarden.core.model.quantity import rounded_bytes

MAX_PARTS = 5
_CHART_HEIGHT = 6
_BAR = 24
_MIN_SECONDS = 10.0
"""A chart of a shorter time shows nothing."""
_LIMIT_LINE = re.compile("(╌[^▁▂▃▄▅▆▇█]*)")
_LATE_SECONDS = 60.0
"""From this distance on, the kill was found late: on catching up after a pause."""


def lay_out(story: KillStory, now: datetime, width: int) -> TextPage:
    """Return the page."""
    page = TextPage(width)
    page.title(_title(story, now))
    page.items("Killed", *story.outcome.killed)
    page.items("Lived", *story.outcome.survivors)
    page.paragraph("Limit", *story.limit.sentences)
    page.items("Set in", story.limit.set_in or "")
    _usage(page, story.usage)
    _filled(page, story.filled)
    page.paragraph("Kubelet", *story.kubelet.sentences)
    page.items("Scores", *story.scores)
    page.paragraph("Before", story.recurrence)
    _next(page, story)
    page.items("Notes", *story.notes)
    return page


def _title(story: KillStory, now: datetime) -> str:
    subject = story.subject
    container = subject.container or (
        f"one of {', '.join(subject.candidates)}" if subject.candidates else "unknown"
    )
    return (
        f"{subject.namespace}/{subject.pod or '?'}, container {container}, of {subject.workload}: "
        f"OOM kill {_when(subject, now)} on {subject.node or 'an unknown node'}"
    )


def _when(subject: KillSubject, now: datetime) -> str:
    found, after = subject.found, subject.after
    if found is None:
        return "at an unknown time"
    at = f"{found:%Y-%m-%d %H:%M:%S} UTC"
    if after and (found - after).total_seconds() > _LATE_SECONDS:
        at = f"between {after:%Y-%m-%d %H:%M:%S} and {at}"
    return f"{age(found, now)} ago ({at})"


def _usage(page: TextPage, usage: UsageCurve) -> None:
    is_ascii = not encodes_blocks(getattr(sys.stdout, "encoding", None))
    points = [(each.at, each.usage) for each in usage.points]
    if points and usage.is_limit_hit and usage.limit_bytes:
        points.append((0.0, usage.limit_bytes))
    width = page.width - LABEL_WIDTH
    if points and points[-1][0] - points[0][0] >= _MIN_SECONDS:
        rows = chart(points, usage.limit_bytes, width, _CHART_HEIGHT, is_ascii=is_ascii)
        page.figure("Memory", map(_coloured, rows))
    page.paragraph("Pattern", f"{usage.pattern}: {usage.evidence.rstrip('.')}.")


def _coloured(row: str) -> list[Span]:
    """Return a row of the chart with the limit's line in red."""
    parts = enumerate(_LIMIT_LINE.split(row))
    return [("red" if number % 2 else "cyan", part) for number, part in parts if part]


def _filled(page: TextPage, filled: FilledMemory) -> None:
    largest = max((each.bytes for each in filled.parts), default=0)
    total = filled.total_bytes or largest
    rows = [
        f"{each.name:<14} {rounded_bytes(each.bytes):>7}  {bar(each.bytes, total, _BAR)}".rstrip()
        for each in filled.parts[:MAX_PARTS]
    ]
    page.figure("Filled by", ([("", row)] for row in rows))
    source = f"{filled.source[:1].upper()}{filled.source[1:]}."
    page.paragraph("" if rows else "Filled by", *filled.sentences, source if rows else "")


def _next(page: TextPage, story: KillStory) -> None:
    for number, step in enumerate(story.next_steps, 1):
        lead = f"{number}. " if len(story.next_steps) > 1 else ""
        page.items("Next" if number == 1 else "", f"{lead}{step.text}")
        if step.command:
            page.command(step.command)
