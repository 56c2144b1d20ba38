"""Times: ages as kubectl shows them, and durations as people type them."""

import re
from datetime import UTC, datetime, timedelta

from oomwarden.cli.errors import USAGE, CliError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:\d{1,6}[smhdw]){1,5}")
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 86400 * 365
_STEPS = (
    (2 * _MINUTE, ((1, "s"),)),
    (10 * _MINUTE, ((_MINUTE, "m"), (1, "s"))),
    (3 * _HOUR, ((_MINUTE, "m"),)),
    (8 * _HOUR, ((_HOUR, "h"), (_MINUTE, "m"))),
    (2 * _DAY, ((_HOUR, "h"),)),
    (8 * _DAY, ((_DAY, "d"), (_HOUR, "h"))),
    (2 * _YEAR, ((_DAY, "d"),)),
    (8 * _YEAR, ((_YEAR, "y"), (_DAY, "d"))),
)
"""Below this many seconds an age is shown in these units."""
_PART = re.compile(r"(\d+)([smhdw])")


def duration(text: str) -> timedelta:
    """Parse a duration such as 30m, 12h, 7d or 1h30m.

    Raises:
        ValueError: It is not a duration.
    """
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration: write 30m, 12h, 7d or 1h30m")
    parts = _PART.findall(text)
    return timedelta(seconds=sum(int(count) * _SECONDS[unit] for count, unit in parts))


def age(then: datetime | None, now: datetime) -> str:
    """Return an age as kubectl shows it, such as 45s, 3m10s, 5h or 2d3h.

    Source: k8s.io/apimachinery pkg/util/duration, HumanDuration (v1.37).
    """
    return "<unknown>" if then is None else short_duration((now - then).total_seconds())


def short_duration(seconds: float) -> str:
    """Return a duration as kubectl shows it."""
    rest = max(int(seconds), 0)
    units = next((units for below, units in _STEPS if rest < below), ((_YEAR, "y"),))
    shown = ""
    for size, unit in units:
        count, rest = divmod(rest, size)
        shown += f"{count}{unit}" if count or not shown else ""
    return shown


def point_in_time(text: str, now: datetime, option: str) -> datetime:
    """Return the time that an option means; a time without a zone is in UTC.

    Args:
        text: Such as 7d (ago), 2026-11-29 or 2026-11-29T10:00Z.
        now: What is counted back from.
        option: Its name, for the error.

    Raises:
        CliError: It is neither.
    """
    try:
        return now - duration(text)
    except (ValueError, OverflowError):
        pass
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise CliError(
            f"{option}: {text!r} is neither how long ago (30m, 24h, 7d) nor a time in UTC "
            "(2026-11-29, 2026-11-29T10:00)",
            USAGE,
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
