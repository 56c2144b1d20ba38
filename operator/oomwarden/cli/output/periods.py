"""Points in time as people type them: how long ago, or a date."""

from datetime import UTC, datetime

from oomwarden.cli.errors import USAGE, CliError
from oomwarden.cli.output.ages import duration


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
