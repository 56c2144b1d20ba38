"""What became of posts, written into the agent's store, and what there is to be posted then."""

import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from oomwarden.agent.delivery import event_outbox, intake, outbox, refusals
from oomwarden.agent.delivery.outbox import OutboxCounts, OutboxRow
from oomwarden.core.quota.pressure import CALM, Pressure
from oomwarden.core.records import oomkill
from oomwarden.core.records.event_series import EventSeries
from oomwarden.kube.oomkill_writer import Delivery, RecordedPrefix

_SALT_BYTES = 8
Job = OutboxRow | EventSeries


@dataclass(frozen=True, slots=True)
class OutboxSnapshot:
    """What the outbox holds: the keys of records and Events to be sent, what is held.

    `due`: when something held is to be released, in wall-clock seconds. `dropped`: what went over
    the bounds, a line each.
    """

    records: list[str]
    events: list[str]
    numbers: OutboxCounts
    due: float | None
    dropped: list[str]


def key_of_job(job: Job) -> str:
    """Name the row that a job is of."""
    return job.key if isinstance(job, OutboxRow) else outbox.key_of(job.first)


def settle(
    connection: sqlite3.Connection,
    final: list[tuple[Job, Delivery]],
    refused: Mapping[str, str],
    now: float,
    pressure: Pressure,
) -> OutboxSnapshot:
    """Write down what became of posts, release what was held, look at what there is."""
    for job, delivery in final:
        if isinstance(job, OutboxRow):
            settle_record(connection, job, delivery, now, pressure)
        elif delivery.event_expired:
            event_outbox.renew(connection, key_of_job(job))
        elif delivery.name_taken_by is not None:
            event_outbox.rename(connection, key_of_job(job), secrets.token_hex(_SALT_BYTES))
        else:
            event_outbox.told(connection, key_of_job(job), job.count)
    due = intake.release(connection, now, pressure)
    event_outbox.forget_old(connection, now)
    refusals.note(connection, refused)
    dropped = refusals.drop_excess(connection, now)
    numbers = outbox.numbers(connection)
    records, events = outbox.pending(connection), event_outbox.pending(connection)
    return OutboxSnapshot(records, events, numbers, due, dropped)


def settle_record(
    connection: sqlite3.Connection,
    row: OutboxRow,
    delivery: Delivery,
    now: float,
    pressure: Pressure = CALM,
) -> None:
    """Write down what became of a record."""
    if delivery.undeliverable is not None:
        outbox.give_up(connection, row, delivery.undeliverable)
        return
    if delivery.name_taken_by is not None:
        outbox.rename(connection, row, secrets.token_hex(_SALT_BYTES))
        return
    rest = _rest_of(row, delivery.recorded_prefix) if delivery.recorded_prefix else None
    kills = row.kill["kills"] - (rest.kill["kills"] if rest else 0)
    if not outbox.take_out(connection, row, kills):
        return
    event_outbox.tell(connection, row)
    if rest is not None:
        intake.enqueue(connection, now, [rest], pressure)


def _rest_of(row: OutboxRow, covered: RecordedPrefix) -> OutboxRow:
    """Give the record of what the stored one leaves untold; the Event tells of all of it."""
    kill = oomkill.rest_of(row.kill, covered.to)
    kill["kills"] = max(row.kill["kills"] - covered.kills, 1)
    return OutboxRow(outbox.key_of(kill), kill, None)
