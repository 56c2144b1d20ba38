"""Records that the API server refuses as they are or for now, as SQL on the agent's store.

They are tried again, after a restart as well: a CRD, a policy, a quota or the next version of the
agent changes the answer. Their number and their age are bounded; what goes over that is counted as
undeliverable.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping

from oomwarden.agent.store.counters import add_count

KEPT = 1000
KEPT_SECONDS = 30 * 86_400.0
"""As long as retention keeps records, by default."""
REASON_LENGTH = 1000
_VERSION = "outbox_version"
_FINAL = ("404 %namespaces%", "%being terminated%")
"""Reasons of earlier versions that are final: the namespace was gone or going."""


def note(connection: sqlite3.Connection, reasons: Mapping[str, str]) -> None:
    """Note by key why records were refused."""
    connection.executemany(
        "UPDATE outbox SET state = 'Refused', reason = ?1 WHERE name = ?2 "
        "AND state IN ('Pending', 'Refused') AND reason IS NOT ?1",
        [(reason[:REASON_LENGTH], key) for key, reason in reasons.items()],
    )


def number(connection: sqlite3.Connection) -> tuple[int, str]:
    """Count the refused records, and tell why the newest of them was refused."""
    (count,) = connection.execute("SELECT COUNT(*) FROM outbox WHERE state = 'Refused'").fetchone()
    why = connection.execute(
        "SELECT reason FROM outbox WHERE state = 'Refused' ORDER BY created DESC LIMIT 1"
    ).fetchone()
    return int(count), str(why[0]) if why else ""


def drop_excess(connection: sqlite3.Connection, now: float) -> list[str]:
    """Drop what is over the bounds, the oldest first; gives a line each.

    `now` in wall-clock seconds.
    """
    over = connection.execute(
        "SELECT name, body, reason FROM outbox WHERE state = 'Refused' AND (created < ? "
        "OR rowid IN (SELECT rowid FROM outbox WHERE state = 'Refused' "
        "ORDER BY created DESC, rowid DESC LIMIT -1 OFFSET ?))",
        (now - KEPT_SECONDS, KEPT),
    ).fetchall()
    for key, body, _ in over:
        connection.execute("DELETE FROM outbox WHERE name = ?", (key,))
        add_count(connection, "undeliverable", json.loads(body)["kill"]["kills"])
    return [f"record {key} is given up, one of too many or too old: {why}" for key, _, why in over]


def try_again_after_upgrade(connection: sqlite3.Connection, version: str) -> int:
    """Let another version try what was given up for a reason that may have gone; gives how many."""
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
