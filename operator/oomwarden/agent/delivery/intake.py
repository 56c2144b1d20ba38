"""From new records to those that may be posted: at once, or held and merged until then.

Each container, pod and namespace has a budget; what goes over it is held, and merges with what is
held of the same account.
"""

import heapq
import json
import math
import sqlite3
from collections import deque
from dataclasses import dataclass

from oomwarden.agent.delivery import outbox_bounds
from oomwarden.agent.delivery.outbox import OutboxRow, body_of, budget_of, key_of, payer_of
from oomwarden.agent.delivery.record_quota import QuotaOwner, RecordQuotas
from oomwarden.core.quota.pressure import CALM, Pressure
from oomwarden.core.records import coalesce
from oomwarden.core.records.coalesce import Draft
from oomwarden.core.records.lean_records import lean


def enqueue(
    connection: sqlite3.Connection,
    now: float,
    rows: list[OutboxRow],
    pressure: Pressure = CALM,
) -> None:
    """Add records: those within their budget to be posted, the others to be held and merged.

    One that is there already (a crash between) stays as it is. `now` in wall-clock seconds.
    """
    budgets = RecordQuotas(connection, pressure, now)
    for row in rows:
        draft, payer = Draft(row.kill, row.event), payer_of(row.kill)
        at_once = not _is_held(connection, payer.key) and outbox_bounds.has_room(connection)
        if at_once and budgets.due(payer, now) <= now:
            _make_pending(budgets, draft, payer, now)
        else:
            _hold(connection, draft, now)
    if rows:
        budgets.forget_quiet()
        outbox_bounds.drop_oldest_held(connection)


def release(connection: sqlite3.Connection, now: float, pressure: Pressure = CALM) -> float | None:
    """Make held records pending as their budgets allow, the oldest of each namespace first.

    Namespaces take turns, so that none waits for the end of another one's storm. This must be
    committed before any of them is posted. Gives when the next one is due (wall-clock seconds),
    None: nothing is held.
    """
    budgets, queues, soonest = (
        RecordQuotas(connection, pressure, now),
        _queues(connection),
        math.inf,
    )
    turns = [(budgets.served(name), queue[0].created, name) for name, queue in queues.items()]
    heapq.heapify(turns)
    while turns:
        if (at := budgets.soonest()) > now:
            return min(soonest, at)
        if not outbox_bounds.has_room(connection):
            return min(soonest, now + outbox_bounds.LOOK_AGAIN_SECONDS)
        *_, namespace = heapq.heappop(turns)
        queue = queues[namespace]
        soonest = min(soonest, _release_one(budgets, queue))
        if queue:
            heapq.heappush(turns, (budgets.served(namespace), queue[0].created, namespace))
    return None if soonest == math.inf else soonest


@dataclass(frozen=True, slots=True)
class _Held:
    """A held record's name, who pays for it, and since when it waits (wall-clock seconds)."""

    name: str
    payer: QuotaOwner
    created: float


def _release_one(budgets: RecordQuotas, queue: deque[_Held]) -> float:
    """Release the first that may go; gives when the first of those before it is due."""
    soonest = math.inf
    while queue:
        one = queue.popleft()
        if (at := budgets.due(one.payer, one.created)) > budgets.now:
            soonest = min(soonest, at)
            continue
        (draft,) = _drafts(budgets.connection, "name", one.name)
        budgets.connection.execute("DELETE FROM held WHERE name = ?", (one.name,))
        _make_pending(budgets, draft, one.payer, one.created)
        break
    return soonest


def _queues(connection: sqlite3.Connection) -> dict[str, deque[_Held]]:
    """Give what is held by namespace, the oldest first."""
    rows = connection.execute("SELECT name, budget, created FROM held ORDER BY created, rowid")
    queues: dict[str, deque[_Held]] = {}
    for name, budget, created in rows:
        namespace = name.partition("/")[0]
        payer = QuotaOwner(budget, budget.partition("/")[0], namespace)
        queues.setdefault(namespace, deque()).append(_Held(name, payer, created))
    return queues


def _is_held(connection: sqlite3.Connection, budget: str) -> bool:
    held = connection.execute("SELECT 1 FROM held WHERE budget = ? LIMIT 1", (budget,))
    return held.fetchone() is not None


def _make_pending(budgets: RecordQuotas, draft: Draft, payer: QuotaOwner, created: float) -> None:
    """Let a record be posted; `created`: since when it waits, which it may do from now on."""
    reason, first = budgets.terms(payer).reason, budgets.is_first(payer, created)
    kill = draft.kill if first or reason is None else lean(draft.kill, reason)
    own = budgets.spend(payer, created)
    body = body_of(Draft(kill, draft.event), own=own)
    budgets.connection.execute(
        "INSERT OR IGNORE INTO outbox VALUES (?, ?, ?, ?, ?, 'Pending', NULL)",
        (key_of(kill), payer.namespace, payer.pod, created, body),
    )


def _hold(connection: sqlite3.Connection, draft: Draft, now: float) -> None:
    """Hold a record, merged with the held ones of its account as far as their ranges join up."""
    account = coalesce.account_of(draft.kill)
    oldest = connection.execute("SELECT MIN(created) FROM held WHERE account = ?", (account,))
    created = oldest.fetchone()[0] or now
    drafts = [*_drafts(connection, "account", account), draft]
    connection.execute("DELETE FROM held WHERE account = ?", (account,))
    connection.executemany(
        "INSERT OR IGNORE INTO held VALUES (?, ?, ?, ?, ?, ?)",
        [_held_row(account, merged, created) for merged in coalesce.merge(drafts)],
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
