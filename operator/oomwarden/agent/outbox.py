"""The outbox: records on their way to the API server, as SQL on the agent's store.

held -> outbox, Pending -> gone (delivered), or Undeliverable with a reason. A held record waits
for its budget and was never posted, so it may still merge with its neighbours. From Pending on it
may have been posted, whatever the agent knows of it, and keeps its name and its range.
"""

import json
import math
import sqlite3
from dataclasses import dataclass

from oomwarden.agent import budgets, outbox_bounds
from oomwarden.agent.counts import add_count
from oomwarden.core import merging
from oomwarden.core.merging import Draft
from oomwarden.core.record import Manifest

UNDELIVERABLE_KEPT = 1000
_REASON_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One record on its way: the OOMKill, and the Event where it is young enough.

    `own_event`: the Event is the record's own; else an earlier one's series is raised.
    """

    key: str
    kill: Manifest
    event: Manifest | None
    own_event: bool = True


@dataclass(frozen=True, slots=True)
class Numbers:
    """How many records wait for their budget, and the kills in them; how many were given up."""

    held: int
    held_kills: int
    undeliverable: int


def enqueue(connection: sqlite3.Connection, now: float, rows: list[OutboxRow]) -> None:
    """Add records: those within their budget to be posted, the others to be held and merged.

    One that is there already (a crash between) stays as it is. `now` in wall-clock seconds.
    """
    for row in rows:
        draft, budget = Draft(row.kill, row.event), budget_of(row.kill)
        at_once = not _is_held(connection, budget) and outbox_bounds.has_room(connection)
        if at_once and budgets.due(connection, budget, now) <= now:
            _make_pending(connection, draft, now, own=budgets.spend(connection, budget, now))
        else:
            _hold(connection, draft, now)
    if rows:
        budgets.forget_quiet(connection, now)
        outbox_bounds.drop_oldest_held(connection)


def release(connection: sqlite3.Connection, now: float) -> float | None:
    """Make held records pending as their budgets allow, the oldest first.

    This must be committed before any of them is posted. Gives when the next one is due (wall-clock
    seconds), None: nothing is held.
    """
    rows = connection.execute("SELECT name, budget, created FROM held ORDER BY created, rowid")
    soonest = math.inf
    for name, budget, created in rows.fetchall():
        at = budgets.due(connection, budget, now)
        if at <= now and not outbox_bounds.has_room(connection):
            return min(soonest, now + outbox_bounds.LOOK_AGAIN_SECONDS)
        if at > now:
            soonest = min(soonest, at)
            continue
        (draft,) = _drafts(connection, "name", name)
        connection.execute("DELETE FROM held WHERE name = ?", (name,))
        own = budgets.spend(connection, budget, now)
        _make_pending(connection, draft, created, own=own)
    return None if soonest == math.inf else soonest


def pending(connection: sqlite3.Connection) -> list[str]:
    """List the keys of the records that may be posted, the oldest first."""
    rows = connection.execute(
        "SELECT name FROM outbox WHERE state = 'Pending' ORDER BY created, rowid"
    )
    return [key for (key,) in rows]


def load_rows(connection: sqlite3.Connection, keys: list[str]) -> list[OutboxRow]:
    """Read these records, in this order."""
    found = [connection.execute("SELECT body FROM outbox WHERE name = ?", (k,)) for k in keys]
    bodies = [json.loads(cursor.fetchone()[0]) for cursor in found]
    return [
        OutboxRow(key, body["kill"], body["event"], body.get("ownEvent", True))
        for key, body in zip(keys, bodies, strict=True)
    ]


def numbers(connection: sqlite3.Connection) -> Numbers:
    """Count what is held and what was given up."""
    held = connection.execute("SELECT COUNT(*), COALESCE(SUM(kills), 0) FROM held").fetchone()
    given_up = "SELECT COUNT(*) FROM outbox WHERE state = 'Undeliverable'"
    return Numbers(*held, *connection.execute(given_up).fetchone())


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
        (reason[:_REASON_LENGTH], row.key),
    )
    connection.execute(
        "DELETE FROM outbox WHERE name IN (SELECT name FROM outbox WHERE state = 'Undeliverable' "
        "ORDER BY created DESC, rowid DESC LIMIT -1 OFFSET ?)",
        (UNDELIVERABLE_KEPT,),
    )
    add_count(connection, "undeliverable", row.kill["kills"])


def budget_of(kill: Manifest) -> str:
    """Name the budget that a record is charged to: one for each container of a pod."""
    return f"{kill['pod']['uid']}/{merging.container_of(kill)}"


def key_of(manifest: Manifest) -> str:
    """Name a row after its object."""
    return f"{manifest['metadata']['namespace']}/{manifest['metadata']['name']}"


def _is_held(connection: sqlite3.Connection, budget: str) -> bool:
    held = connection.execute("SELECT 1 FROM held WHERE budget = ? LIMIT 1", (budget,))
    return held.fetchone() is not None


def _make_pending(
    connection: sqlite3.Connection, draft: Draft, created: float, *, own: bool
) -> None:
    kill = draft.kill
    body = json.dumps({"kill": kill, "event": draft.event, "ownEvent": own})
    connection.execute(
        "INSERT OR IGNORE INTO outbox VALUES (?, ?, ?, ?, ?, 'Pending', NULL)",
        (key_of(kill), kill["metadata"]["namespace"], kill["pod"]["uid"], created, body),
    )


def _hold(connection: sqlite3.Connection, draft: Draft, now: float) -> None:
    """Hold a record, merged with the held ones of its account as far as their ranges join up."""
    account = merging.account_of(draft.kill)
    oldest = connection.execute("SELECT MIN(created) FROM held WHERE account = ?", (account,))
    created = oldest.fetchone()[0] or now
    drafts = [*_drafts(connection, "account", account), draft]
    connection.execute("DELETE FROM held WHERE account = ?", (account,))
    connection.executemany(
        "INSERT OR IGNORE INTO held VALUES (?, ?, ?, ?, ?, ?)",
        [_held_row(account, merged, created) for merged in merging.merge(drafts)],
    )


def _held_row(account: str, draft: Draft, created: float) -> tuple[object, ...]:
    kill = draft.kill
    body = json.dumps({"kill": kill, "event": draft.event})
    return (key_of(kill), account, budget_of(kill), created, kill["kills"], body)


def _drafts(connection: sqlite3.Connection, column: str, value: str) -> list[Draft]:
    """Read held records; `column` is name or account."""
    select = "SELECT body FROM held WHERE name = ?" if column == "name" else (
        "SELECT body FROM held WHERE account = ?"
    )  # fmt: skip
    bodies = (json.loads(body) for (body,) in connection.execute(select, (value,)))
    return [Draft(body["kill"], body["event"]) for body in bodies]
