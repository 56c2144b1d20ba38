"""Checks that the agent can read every row of its store.

SQLite detects damaged pages, but not rows with content that the agent cannot parse.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial

from oomwarden.agent.baselines import oom_group, own_scores, scores
from oomwarden.agent.delivery import event_outbox, outbox
from oomwarden.agent.recording import agent_kills
from oomwarden.agent.store import checkpoints, kill_counts, pods
from oomwarden.agent.store.counters import counts
from oomwarden.agent.store.schema import damage_error

_NOT_UNDERSTOOD = (ValueError, TypeError, LookupError, AttributeError)
_RECORDS = "SELECT name FROM outbox"
_EVENTS = "SELECT name FROM events"
_HELD = "SELECT body FROM held"
_BUCKETS = "SELECT value FROM meta WHERE key IN ('node_firsts', 'node_repeats')"


def check(boot_id: str, connection: sqlite3.Connection) -> None:
    """Read everything that the agent may read for this boot, without changes.

    Raises:
        sqlite3.DatabaseError: a row cannot be parsed; the file counts as damaged.
    """
    try:
        for read in _reads(boot_id):
            read(connection)
    except _NOT_UNDERSTOOD as error:
        raise damage_error(f"a row cannot be parsed: {error}") from error
    except sqlite3.OperationalError as error:
        if hasattr(error, "sqlite_errorcode"):
            raise
        raise damage_error(str(error)) from error  # text that is not UTF-8
    finally:
        connection.rollback()


def _reads(boot_id: str) -> Iterator[Callable[[sqlite3.Connection], object]]:
    for load in (checkpoints.load, checkpoints.log_position, pods.load):
        yield partial(load, boot_id=boot_id)
    for table in (scores.TABLE, own_scores.TABLE, oom_group.TABLE):
        yield partial(table.load, boot_id=boot_id)
    yield from (counts, kill_counts.load, agent_kills.load, _records, _events)
    yield partial(_json, query=_HELD)
    yield partial(_json, query=_BUCKETS)


def _records(connection: sqlite3.Connection) -> None:
    for (key,) in connection.execute(_RECORDS).fetchall():
        for row in outbox.load_rows(connection, [key]):
            outbox.quota_owner(row.kill)


def _events(connection: sqlite3.Connection) -> None:
    for (key,) in connection.execute(_EVENTS).fetchall():
        event_outbox.load(connection, [key])


def _json(connection: sqlite3.Connection, query: str) -> None:
    for (text,) in connection.execute(query):
        json.loads(text)
