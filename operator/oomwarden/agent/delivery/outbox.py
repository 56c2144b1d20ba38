"""The outbox of records, as SQL on the agent's store.

A record goes from held to Pending, and is removed once it is delivered. It becomes Refused while
the API server does not accept it (refusals.py), and Undeliverable, with a reason, if it is given
up. A held record waits for its budget and was never posted, so it may still merge with its
neighbours. A Pending record may have been posted, even if the agent crashed before it knew:
it keeps its range, and its name unless an object of another program has that name.
"""

import json
import sqlite3

from msgspec import Struct
from msgspec.structs import replace

from oomwarden.agent.delivery import refusals
from oomwarden.agent.delivery.record_quota import QuotaOwner
from oomwarden.agent.delivery.refusals import REASON_LENGTH
from oomwarden.agent.store.counters import add_count
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.records import coalesce
from oomwarden.core.records.metadata import labels_of, name_of
from oomwarden.core.records.outbox_row import OutboxRow

UNDELIVERABLE_KEPT = 1000


class OutboxCounts(Struct, frozen=True):
    """Numbers of records that are not delivered."""

    held: int
    """Records that wait for their budget."""
    held_kills: int
    """Kills in the held records."""
    undeliverable: int
    """Records that were given up."""
    refused: int = 0
    """Records that the API server refuses and that are retried."""
    refusal_reason: str = ""
    """Why the newest of them was refused."""
    oldest: float | None = None
    """Since when the oldest record waits that may be posted, in wall-clock seconds."""


def pending(connection: sqlite3.Connection) -> list[str]:
    """Return the keys of the records that may be posted, oldest first and refused ones last."""
    rows = connection.execute(
        "SELECT name FROM outbox WHERE state IN ('Pending', 'Refused') "
        "ORDER BY state, created, rowid"
    )
    return [key for (key,) in rows]


def load_rows(connection: sqlite3.Connection, keys: list[str]) -> list[OutboxRow]:
    """Return these records, in this order, with the labels that this version sets."""
    found = [connection.execute("SELECT body FROM outbox WHERE name = ?", (k,)) for k in keys]
    bodies = [json.loads(cursor.fetchone()[0]) for cursor in found]
    return [
        OutboxRow(
            _labelled(body["kill"]),
            body["event"],
            body.get("ownEvent", True),
            body.get("renamed", 0),
        )
        for body in bodies
    ]


def _labelled(kill: Manifest) -> Manifest:
    """Set a record's labels: another version may have stored labels that the API server rejects."""
    return {**kill, "metadata": kill["metadata"] | {"labels": labels_of(kill)}}


def rename(connection: sqlite3.Connection, row: OutboxRow, salt: str) -> None:
    """Give a record another name, because an object of another program has its name.

    Args:
        connection: The store.
        row: The record.
        salt: Must be unpredictable, or another program could create the new name first.
    """
    renamed = replace(coalesce.with_name(row, name_of(row.kill, salt)), renamed=row.renamed + 1)
    connection.execute(
        "UPDATE outbox SET name = ?, body = ?, state = 'Pending', reason = NULL WHERE name = ?",
        (renamed.key, body_of(renamed), row.key),
    )
    add_count(connection, "takenNames", 1)


def body_of(row: OutboxRow) -> str:
    """Return a record as JSON for its row."""
    body = {"kill": row.kill, "event": row.event, "ownEvent": row.own_event}
    return json.dumps(body | {"renamed": row.renamed})


def outbox_counts(connection: sqlite3.Connection) -> OutboxCounts:
    """Return how many records are held, undeliverable and refused, and since when one waits."""
    select = "SELECT COUNT(*), COALESCE(SUM(kills), 0) FROM held"
    held, held_kills = connection.execute(select).fetchone()
    given_up = "SELECT COUNT(*) FROM outbox WHERE state = 'Undeliverable'"
    (undeliverable,) = connection.execute(given_up).fetchone()
    waiting = "SELECT MIN(created) FROM outbox WHERE state IN ('Pending', 'Refused')"
    (oldest,) = connection.execute(waiting).fetchone()
    refused, reason = refusals.summary(connection)
    return OutboxCounts(held, held_kills, undeliverable, refused, reason, oldest)


def remove_delivered(connection: sqlite3.Connection, row: OutboxRow, kills: int) -> bool:
    """Remove a delivered record and count its kills; return False if it was removed before."""
    removed = connection.execute("DELETE FROM outbox WHERE name = ?", (row.key,))
    if removed.rowcount == 1:
        add_count(connection, "recorded", kills)
    return removed.rowcount == 1


def give_up(connection: sqlite3.Connection, row: OutboxRow, reason: str) -> None:
    """Mark a record as undeliverable and count its kills; only the newest ones are kept."""
    connection.execute(
        "UPDATE outbox SET state = 'Undeliverable', reason = ? WHERE name = ?",
        (reason[:REASON_LENGTH], row.key),
    )
    connection.execute(
        "DELETE FROM outbox WHERE name IN (SELECT name FROM outbox WHERE state = 'Undeliverable' "
        "ORDER BY created DESC, rowid DESC LIMIT -1 OFFSET ?)",
        (UNDELIVERABLE_KEPT,),
    )
    add_count(connection, "undeliverable", row.kill["kills"])


def budget_key(kill: Manifest) -> str:
    """Return the key of the budget that a record is charged to: one per container of a pod."""
    return f"{kill['pod']['uid']}/{coalesce.container_of(kill)}"


def quota_owner(kill: Manifest) -> QuotaOwner:
    """Return the container, pod and namespace that a record is charged to."""
    return QuotaOwner(budget_key(kill), kill["pod"]["uid"], kill["metadata"]["namespace"])
