"""Records that the API server refuses, as SQL on the agent's store.

They are retried, also after a restart: a CRD, a policy, a quota or the next version of the agent
may change the answer. Their number and age are bounded; records beyond the bounds are deleted and
counted as undeliverable.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping

from oomwarden.agent.store.counters import add_count

MAX_REFUSED = 1000
MAX_AGE_SECONDS = 30 * 86_400.0
"""The default of retention: how long the operator keeps records."""
REASON_LENGTH = 1000
_VERSION = "outbox_version"
_FINAL = ("404 %namespaces%", "%being terminated%")
"""Reasons of earlier versions that are final: the namespace was deleted or terminating."""


def record(connection: sqlite3.Connection, reasons: Mapping[str, str]) -> None:
    """Store why records were refused, by key."""
    connection.executemany(
        "UPDATE outbox SET state = 'Refused', reason = ?1 WHERE name = ?2 "
        "AND state IN ('Pending', 'Refused') AND reason IS NOT ?1",
        [(reason[:REASON_LENGTH], key) for key, reason in reasons.items()],
    )


def summary(connection: sqlite3.Connection) -> tuple[int, str]:
    """Return how many records are refused, and why the newest of them was."""
    (count,) = connection.execute("SELECT COUNT(*) FROM outbox WHERE state = 'Refused'").fetchone()
    why = connection.execute(
        "SELECT reason FROM outbox WHERE state = 'Refused' ORDER BY created DESC LIMIT 1"
    ).fetchone()
    return int(count), str(why[0]) if why else ""


def drop_excess(connection: sqlite3.Connection, now: float) -> list[tuple[str, str]]:
    """Delete the oldest refused records beyond the bounds.

    Args:
        connection: The store.
        now: Wall-clock seconds.

    Returns:
        The key of each deleted record, and why it was refused.
    """
    over = connection.execute(
        "SELECT name, body, reason FROM outbox WHERE state = 'Refused' AND (created < ? "
        "OR rowid IN (SELECT rowid FROM outbox WHERE state = 'Refused' "
        "ORDER BY created DESC, rowid DESC LIMIT -1 OFFSET ?))",
        (now - MAX_AGE_SECONDS, MAX_REFUSED),
    ).fetchall()
    for key, body, _ in over:
        connection.execute("DELETE FROM outbox WHERE name = ?", (key,))
        add_count(connection, "undeliverable", json.loads(body)["kill"]["kills"])
    return [(key, why) for key, _, why in over]


def retry_after_upgrade(connection: sqlite3.Connection, version: str) -> int:
    """Retry the records that another version gave up, unless their reason is final.

    Returns:
        How many records are retried.
    """
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_VERSION,)).fetchone()
    if row is not None and row[0] == version:
        return 0
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_VERSION, version))
    again = connection.execute(
        "UPDATE outbox SET state = 'Refused' WHERE state = 'Undeliverable' "
        "AND COALESCE(reason, '') NOT LIKE ? AND COALESCE(reason, '') NOT LIKE ? RETURNING body",
        _FINAL,
    ).fetchall()
    _count_less(connection, (json.loads(body)["kill"]["kills"] for (body,) in again))
    return len(again)


def _count_less(connection: sqlite3.Connection, kills: Iterable[int]) -> None:
    connection.execute(
        "UPDATE meta SET value = MAX(value - ?, 0) WHERE key = 'count.undeliverable'",
        (sum(kills),),
    )
