"""Decides when new records may be posted: immediately, or held and merged until their turn.

Each container, pod and namespace has a budget. A record that exceeds it is held and merges with
the held records of the same account.
"""

import heapq
import json
import math
import sqlite3
from collections import deque

from msgspec import Struct
from msgspec.structs import replace

from oomwarden.agent.delivery import outbox_bounds
from oomwarden.agent.delivery.outbox import body_of, budget_key, quota_owner
from oomwarden.agent.delivery.record_quota import QuotaOwner, RecordQuotas
from oomwarden.core.quota.pressure import CALM, Pressure
from oomwarden.core.records import coalesce
from oomwarden.core.records.outbox_row import OutboxRow, row_key
from oomwarden.core.records.reduced_record import reduced


def enqueue(
    connection: sqlite3.Connection,
    now: float,
    rows: list[OutboxRow],
    pressure: Pressure = CALM,
) -> None:
    """Add records: those within their budget become pending, the others are held and merged.

    A record that is stored already, after a crash, stays as it is.

    Args:
        connection: The store.
        now: Wall-clock seconds.
        rows: The new records.
        pressure: How much records are merged.
    """
    budgets = RecordQuotas(connection, pressure, now)
    for row in rows:
        owner = quota_owner(row.kill)
        may_skip_hold = not _is_held(connection, owner.key) and outbox_bounds.has_room(connection)
        if may_skip_hold and budgets.due(owner, now) <= now:
            _make_pending(budgets, row, owner, now)
        else:
            _hold(connection, row, now)
    if rows:
        budgets.forget_quiet()
        outbox_bounds.drop_oldest_held(connection)


def release(connection: sqlite3.Connection, now: float, pressure: Pressure = CALM) -> float | None:
    """Make held records pending as their budgets allow, the oldest of each namespace first.

    Namespaces take turns, so that none waits for the end of a storm in another one. The
    transaction must be committed before any of these records is posted.

    Returns:
        When the next record is due, in wall-clock seconds; None if none is held.
    """
    budgets, soonest = RecordQuotas(connection, pressure, now), math.inf
    queues = _held_by_namespace(connection)
    turns = [
        (budgets.last_released(name), queue[0].created, name) for name, queue in queues.items()
    ]
    heapq.heapify(turns)
    while turns:
        if (at := budgets.node_due()) > now:
            return min(soonest, at)
        if not outbox_bounds.has_room(connection):
            return min(soonest, now + outbox_bounds.RETRY_SECONDS)
        *_, namespace = heapq.heappop(turns)
        queue = queues[namespace]
        soonest = min(soonest, _release_one(budgets, queue))
        if queue:
            heapq.heappush(turns, (budgets.last_released(namespace), queue[0].created, namespace))
    return None if soonest == math.inf else soonest


class _HeldRecord(Struct, frozen=True):
    """A held record."""

    name: str
    owner: QuotaOwner
    created: float
    """Since when it is held, in wall-clock seconds."""


def _release_one(budgets: RecordQuotas, queue: deque[_HeldRecord]) -> float:
    """Release the first record that is due; return when the earliest one before it will be."""
    soonest = math.inf
    while queue:
        one = queue.popleft()
        if (at := budgets.due(one.owner, one.created)) > budgets.now:
            soonest = min(soonest, at)
            continue
        (row,) = _held_rows(budgets.connection, "name", one.name)
        budgets.connection.execute("DELETE FROM held WHERE name = ?", (one.name,))
        _make_pending(budgets, row, one.owner, one.created)
        break
    return soonest


def _held_by_namespace(connection: sqlite3.Connection) -> dict[str, deque[_HeldRecord]]:
    """Return the held records by namespace, oldest first."""
    rows = connection.execute("SELECT name, budget, created FROM held ORDER BY created, rowid")
    queues: dict[str, deque[_HeldRecord]] = {}
    for name, budget, created in rows:
        namespace = name.partition("/")[0]
        owner = QuotaOwner(budget, budget.partition("/")[0], namespace)
        queues.setdefault(namespace, deque()).append(_HeldRecord(name, owner, created))
    return queues


def _is_held(connection: sqlite3.Connection, budget: str) -> bool:
    held = connection.execute("SELECT 1 FROM held WHERE budget = ? LIMIT 1", (budget,))
    return held.fetchone() is not None


def _make_pending(budgets: RecordQuotas, row: OutboxRow, owner: QuotaOwner, created: float) -> None:
    """Make a record pending and spend its budget; `created` is since when it waits."""
    reason, first = budgets.terms(owner).reason, budgets.is_first(owner, created)
    kill = row.kill if first or reason is None else reduced(row.kill, reason)
    own = budgets.spend(owner, created)
    body = body_of(replace(row, kill=kill, own_event=own))
    budgets.connection.execute(
        "INSERT OR IGNORE INTO outbox VALUES (?, ?, ?, ?, ?, 'Pending', NULL)",
        (row_key(kill), owner.namespace, owner.pod, created, body),
    )


def _hold(connection: sqlite3.Connection, row: OutboxRow, now: float) -> None:
    """Hold a record, merged with those held records of its account whose ranges adjoin."""
    account = coalesce.account_of(row.kill)
    oldest = connection.execute("SELECT MIN(created) FROM held WHERE account = ?", (account,))
    created = oldest.fetchone()[0] or now
    rows = [*_held_rows(connection, "account", account), row]
    connection.execute("DELETE FROM held WHERE account = ?", (account,))
    connection.executemany(
        "INSERT OR IGNORE INTO held VALUES (?, ?, ?, ?, ?, ?)",
        [_held_row(account, merged, created) for merged in coalesce.merge(rows)],
    )


def _held_row(account: str, row: OutboxRow, created: float) -> tuple[object, ...]:
    kill = row.kill
    body = json.dumps({"kill": kill, "event": row.event})
    return (row_key(kill), account, budget_key(kill), created, kill["kills"], body)


def _held_rows(connection: sqlite3.Connection, column: str, value: str) -> list[OutboxRow]:
    """Return held records; `column` is name or account."""
    select = "SELECT body FROM held WHERE name = ?" if column == "name" else (
        "SELECT body FROM held WHERE account = ?"
    )  # fmt: skip
    bodies = (json.loads(body) for (body,) in connection.execute(select, (value,)))
    return [OutboxRow(body["kill"], body["event"]) for body in bodies]
