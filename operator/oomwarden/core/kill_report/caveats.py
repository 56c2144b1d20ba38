"""What a report cannot know, or has left out."""

from collections.abc import Iterator, Sequence

from oomwarden.api.oomkill import Cause
from oomwarden.core.history.kill_record import KillRecord, text_at
from oomwarden.core.kill_report.causes import meaning_of
from oomwarden.core.kill_report.groups import count_kills
from oomwarden.core.kill_report.period import Period


def caveats(
    period: Period, records: Sequence[KillRecord], everything: Sequence[KillRecord]
) -> tuple[str, ...]:
    """Return the sentences, the most important first.

    Args:
        period: The time of the report.
        records: The records of the period.
        everything: All records that there are, of any time.
    """
    return tuple(filter(None, _sentences(period, records, everything)))


def _sentences(
    period: Period, records: Sequence[KillRecord], everything: Sequence[KillRecord]
) -> Iterator[str]:
    yield _retention(period, everything)
    yield _merged(records)
    yield _reduced(records)
    yield _unknown(records)
    yield _containers(records)
    yield _undated(everything)


def _retention(period: Period, everything: Sequence[KillRecord]) -> str:
    oldest = min((each.found for each in everything if each.found), default=None)
    keeps = "Old records are deleted (after 30 days, and earlier where there are many, by default)"
    if oldest is None or oldest < period.previous.start:
        return ""
    when = f"{oldest:%Y-%m-%d %H:%M} UTC"
    if oldest >= period.start:
        return (
            f"{keeps}: the oldest record here is of {when}, so nothing is known of the time "
            "before, and the comparison with it says little."
        )
    return f"{keeps}: the oldest record here is of {when}, so the comparison may be incomplete."


def _merged(records: Sequence[KillRecord]) -> str:
    merged = [each for each in records if each.kills > 1]
    if not merged:
        return ""
    return (
        f"{len(merged)} of {len(records)} records cover {_kills(count_kills(merged))} of "
        "containers that were killed again and again. These are counted at the time when the last "
        "of them was found."
    )


def _reduced(records: Sequence[KillRecord]) -> str:
    reduced = [each for each in records if text_at(each.manifest, "reducedBy")]
    if not reduced:
        return ""
    return (
        f"Records with fewer details: {len(reduced)}. Too many were written at that time, or no "
        "operator counted them (reducedBy)."
    )


def _unknown(records: Sequence[KillRecord]) -> str:
    unknown = count_kills([each for each in records if each.cause == Cause.UNKNOWN])
    if not unknown:
        return ""
    return f"The cause of {_kills(unknown)} is unknown: {meaning_of(Cause.UNKNOWN)}"


def _containers(records: Sequence[KillRecord]) -> str:
    unnamed = count_kills([each for each in records if each.container is None])
    if not unnamed:
        return ""
    return (
        f"{_kills(unnamed)} could not be attributed to one container; the candidates are named "
        "where they are known."
    )


def _undated(everything: Sequence[KillRecord]) -> str:
    undated = sum(each.found is None for each in everything)
    return f"Left out are records without a readable time: {undated}." if undated else ""


def _kills(number: int) -> str:
    return "1 kill" if number == 1 else f"{number:,} kills"
