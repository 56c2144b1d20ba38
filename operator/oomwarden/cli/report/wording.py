"""Numbers, amounts and times as the page writes them; times are in UTC."""

import re
from datetime import UTC, datetime, timedelta

from oomwarden.cli.report.html import Markup, element, joined
from oomwarden.core.model.quantity import format_bytes, rounded_bytes

_DAY = timedelta(days=1)
_STEPS = ((86400, "day"), (3600, "hour"), (60, "minute"))
_CODE = re.compile(r"`([^`]*)`")
_BREAKS = re.compile(r"(?<=[-./_])")


def plural(count: int, noun: str) -> str:
    """Return a number with its noun: 1 kill, 1,204 kills."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def amount(size: int | None) -> str:
    """Return bytes for people, in Kubernetes' units: 307Mi, 1.5Gi."""
    return "unknown" if size is None else rounded_bytes(size)


def exact_amount(size: int | None) -> str:
    """Return bytes as a limit is written: 512Mi, 1280Mi."""
    return "unknown" if size is None else format_bytes(size)


def moment(time: datetime | None) -> str:
    """Return a time to the minute: 29 Nov 2026 10:07."""
    return "unknown" if time is None else f"{_day(time)} {time.astimezone(UTC):%Y %H:%M}"


def short_moment(time: datetime | None) -> str:
    """Return a time without its year: 29 Nov 10:07."""
    return "unknown" if time is None else f"{_day(time)} {time.astimezone(UTC):%H:%M}"


def exact_moment(time: datetime | None) -> str:
    """Return a time to the second: 29 Nov 2026 10:07:12."""
    return "unknown" if time is None else f"{_day(time)} {time.astimezone(UTC):%Y %H:%M:%S}"


def tick(time: datetime, step: timedelta) -> str:
    """Return a label of the time axis."""
    return _day(time) if step >= _DAY else f"{time.astimezone(UTC):%H:%M}"


def _day(time: datetime) -> str:
    return f"{time.astimezone(UTC).day} {time.astimezone(UTC):%b}"


def time_of(time: datetime | None, text: str) -> Markup:
    """Return a time that programs can read, too."""
    if time is None:
        return joined(text)
    stamp = time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return element("time", text, datetime=stamp)


def length(span: timedelta) -> str:
    """Return a length of time: 7 days, 90 minutes."""
    seconds = span.total_seconds()
    for size, noun in _STEPS:
        if seconds >= size and seconds % size == 0:
            return plural(int(seconds // size), noun)
    return plural(max(round(seconds / 60), 1), "minute")


def with_code(text: str) -> Markup:
    """Return a text in which `commands` are set as code."""
    parts = _CODE.split(text)
    return joined([element("code", part) if n % 2 else part for n, part in enumerate(parts)])


def breakable(name: str) -> Markup:
    """Return a name that may break after its punctuation, so that a phone has room for it."""
    return joined([[part, element("wbr")] for part in _BREAKS.split(name)])
