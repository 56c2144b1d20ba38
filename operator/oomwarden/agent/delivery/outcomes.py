"""Stores the results of posts, and returns what the outbox contains after that."""

import secrets
import sqlite3
from collections.abc import Callable, Mapping

from msgspec import Struct

from oomwarden.agent.delivery import event_outbox, intake, outbox, refusals
from oomwarden.agent.delivery.outbox import OutboxCounts
from oomwarden.core.quota.pressure import CALM, Pressure
from oomwarden.core.records import oomkill
from oomwarden.core.records.event_series import EventSeries
from oomwarden.core.records.outbox_row import OutboxRow, row_key
from oomwarden.kube.oomkill_writer import Delivery, RecordedPrefix

DeliveryJob = OutboxRow | EventSeries
_SALT_BYTES = 8


class OutboxSnapshot(Struct, frozen=True):
    """What the outbox contains."""

    records: list[str]
    """Keys of the records to be posted."""
    events: list[str]
    """Keys of the Events to be posted."""
    counts: OutboxCounts
    due: float | None
    """When the next held record is to be released, in wall-clock seconds; None if none is held, or
    if they were not looked through."""
    dropped: list[tuple[str, str]]
    """Records that exceeded the bounds and were deleted: the key, and why it was refused."""


class Turn(Struct, frozen=True):
    """What the outbox contains, and of that the rows that are tried now."""

    outbox: OutboxSnapshot
    records: list[OutboxRow]
    events: list[EventSeries]


Choose = Callable[[OutboxSnapshot], tuple[list[str], list[str]]]
"""Returns the keys of the records and of the Events that are tried now. It runs in the store's
thread, twice if the disk fails, and must not change anything."""


def job_key(job: DeliveryJob) -> str:
    """Return the key of a job's row."""
    return job.key if isinstance(job, OutboxRow) else row_key(job.first)


def settle_and_load(
    connection: sqlite3.Connection,
    settle: Callable[[sqlite3.Connection], OutboxSnapshot],
    choose: Choose,
) -> Turn:
    """Store results and read what is tried next, without a second call of the store's thread."""
    snapshot = settle(connection)
    records, events = choose(snapshot)
    rows, series = outbox.load_rows(connection, records), event_outbox.load(connection, events)
    return Turn(snapshot, rows, series)


def settle(  # noqa: PLR0913 - all of one transaction
    connection: sqlite3.Connection,
    final: list[tuple[DeliveryJob, Delivery]],
    refused: Mapping[str, str],
    now: float,
    pressure: Pressure,
    *,
    release: bool = True,
) -> OutboxSnapshot:
    """Store the results of posts and release held records, in one transaction.

    Args:
        connection: The store.
        final: Rows that need no retry, with their results.
        refused: Why records were refused, by key.
        now: Wall-clock seconds.
        pressure: How much records are merged.
        release: Whether to release held records that are due.
    """
    for job, delivery in final:
        if isinstance(job, OutboxRow):
            settle_record(connection, job, delivery, now, pressure)
        elif delivery.event_expired:
            event_outbox.recreate(connection, job_key(job))
        elif delivery.name_taken_by is not None:
            event_outbox.rename(connection, job_key(job), secrets.token_hex(_SALT_BYTES))
        else:
            event_outbox.record_posted(connection, job_key(job), job.count)
    due = intake.release(connection, now, pressure) if release else None
    event_outbox.drop_expired(connection, now)
    refusals.record(connection, refused)
    dropped = refusals.drop_excess(connection, now)
    counts = outbox.outbox_counts(connection)
    records, events = outbox.pending(connection), event_outbox.pending(connection)
    return OutboxSnapshot(records, events, counts, due, dropped)


def settle_record(
    connection: sqlite3.Connection,
    row: OutboxRow,
    delivery: Delivery,
    now: float,
    pressure: Pressure = CALM,
) -> None:
    """Store the result of a record's post."""
    if delivery.undeliverable is not None:
        outbox.give_up(connection, row, delivery.undeliverable)
        return
    if delivery.name_taken_by is not None:
        outbox.rename(connection, row, secrets.token_hex(_SALT_BYTES))
        return
    rest = _rest_of(row, delivery.recorded_prefix) if delivery.recorded_prefix else None
    kills = row.kill["kills"] - (rest.kill["kills"] if rest else 0)
    if not outbox.remove_delivered(connection, row, kills):
        return
    event_outbox.enqueue(connection, row)
    if rest is not None:
        intake.enqueue(connection, now, [rest], pressure)


def _rest_of(row: OutboxRow, covered: RecordedPrefix) -> OutboxRow:
    """Return a record of the kills that the stored one does not cover; the Event covers all."""
    kill = oomkill.remaining_record(row.kill, covered.to)
    kill["kills"] = max(row.kill["kills"] - covered.kills, 1)
    return OutboxRow(kill, None)
