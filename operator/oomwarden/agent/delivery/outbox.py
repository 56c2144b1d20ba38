"""The outbox: records on their way to the API server, as SQL on the agent's store.

held -> outbox, Pending -> gone (delivered), or Undeliverable with a reason; Refused while the API
server does not take it as it is (refusals.py). A held record waits for its budget and was never
posted, so it may still merge with its neighbours. From Pending on it may have been posted, whatever
the agent knows of it, and keeps its range, and its name unless somebody else's object has that.
"""

import json
import sqlite3
from dataclasses import dataclass

from oomwarden.agent.delivery import refusals
from oomwarden.agent.delivery.record_quota import QuotaOwner
from oomwarden.agent.delivery.refusals import REASON_LENGTH
from oomwarden.agent.store.counters import add_count
from oomwarden.core.records import coalesce
from oomwarden.core.records.coalesce import Draft
from oomwarden.core.records.metadata import labels_of, name_of
from oomwarden.core.records.oomkill import Manifest

UNDELIVERABLE_KEPT = 1000


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One record on its way: the OOMKill, and the Event where it is young enough.

    `own_event`: the Event is the record's own; else an earlier one's series is raised. `renamed`:
    how many times its name was found taken.
    """

    key: str
    kill: Manifest
    event: Manifest | None
    own_event: bool = True
    renamed: int = 0


@dataclass(frozen=True, slots=True)
class OutboxCounts:
    """How many records wait for their budget, and the kills in them; how many were given up.

    `refused`: those that the API server does not take now, the last time because of `why`.
    """

    held: int
    held_kills: int
    undeliverable: int
    refused: int = 0
    why: str = ""


def pending(connection: sqlite3.Connection) -> list[str]:
    """List the keys of the records that may be posted: the oldest first, the refused ones last."""
    rows = connection.execute(
        "SELECT name FROM outbox WHERE state IN ('Pending', 'Refused') "
        "ORDER BY state, created, rowid"
    )
    return [key for (key,) in rows]


def load_rows(connection: sqlite3.Connection, keys: list[str]) -> list[OutboxRow]:
    """Read these records, in this order; with the labels that this version gives them."""
    found = [connection.execute("SELECT body FROM outbox WHERE name = ?", (k,)) for k in keys]
    bodies = [json.loads(cursor.fetchone()[0]) for cursor in found]
    return [
        OutboxRow(
            key,
            _labelled(body["kill"]),
            body["event"],
            body.get("ownEvent", True),
            body.get("renamed", 0),
        )
        for key, body in zip(keys, bodies, strict=True)
    ]


def _labelled(kill: Manifest) -> Manifest:
    """Give a record its labels: a version before 0.2 made some that no API server takes."""
    metadata = kill.get("metadata")
    return (
        kill if metadata is None else {**kill, "metadata": metadata | {"labels": labels_of(kill)}}
    )


def rename(connection: sqlite3.Connection, row: OutboxRow, salt: str) -> None:
    """Give a record another name, as somebody else's object has its own: it is posted under that.

    `salt` must be nothing that others can foresee, or they take the next name too.
    """
    draft = coalesce.renamed(Draft(row.kill, row.event), name_of(row.kill, salt))
    connection.execute(
        "UPDATE outbox SET name = ?, body = ?, state = 'Pending', reason = NULL WHERE name = ?",
        (key_of(draft.kill), body_of(draft, own=row.own_event, renamed=row.renamed + 1), row.key),
    )
    add_count(connection, "takenNames", 1)


def body_of(draft: Draft, *, own: bool, renamed: int = 0) -> str:
    """Write a record as its row keeps it."""
    body = {"kill": draft.kill, "event": draft.event, "ownEvent": own, "renamed": renamed}
    return json.dumps(body)


def numbers(connection: sqlite3.Connection) -> OutboxCounts:
    """Count what is held, what was given up, and what is refused."""
    select = "SELECT COUNT(*), COALESCE(SUM(kills), 0) FROM held"
    held, held_kills = connection.execute(select).fetchone()
    given_up = "SELECT COUNT(*) FROM outbox WHERE state = 'Undeliverable'"
    (undeliverable,) = connection.execute(given_up).fetchone()
    return OutboxCounts(held, held_kills, undeliverable, *refusals.number(connection))


def take_out(connection: sqlite3.Connection, row: OutboxRow, kills: int) -> bool:
    """Take a delivered record out, and count the kills it told; False: it was out already."""
    gone = connection.execute("DELETE FROM outbox WHERE name = ?", (row.key,))
    if gone.rowcount == 1:
        add_count(connection, "recorded", kills)
    return gone.rowcount == 1


def give_up(connection: sqlite3.Connection, row: OutboxRow, reason: str) -> None:
    """Keep a record as undeliverable, count its kills; of many such the newest are kept."""
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


def budget_of(kill: Manifest) -> str:
    """Name the budget that a record is charged to: one for each container of a pod."""
    return f"{kill['pod']['uid']}/{coalesce.container_of(kill)}"


def payer_of(kill: Manifest) -> QuotaOwner:
    """Tell who a record is charged to."""
    return QuotaOwner(budget_of(kill), kill["pod"]["uid"], kill["metadata"]["namespace"])


def key_of(manifest: Manifest) -> str:
    """Name a row after its object."""
    return f"{manifest['metadata']['namespace']}/{manifest['metadata']['name']}"
