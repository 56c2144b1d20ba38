"""The counters of kills by container, as SQL on the agent's store: a restart continues them."""

import json
import sqlite3
from collections.abc import Callable, Iterable

from oomwarden.core.metrics.counter_series import LabelValues
from oomwarden.core.metrics.kill_count import KillCount

StoredCounts = dict[str, dict[LabelValues, int]]
"""The value of each series, by the family's name."""


def add(connection: sqlite3.Connection, counts: Iterable[KillCount]) -> None:
    """Increase counters."""
    connection.executemany(
        "INSERT INTO kill_counts VALUES (?, ?, ?) "
        "ON CONFLICT (metric, labels) DO UPDATE SET count = count + excluded.count",
        [(each.family.name, json.dumps(each.labels), each.by) for each in counts],
    )


def load(connection: sqlite3.Connection) -> StoredCounts:
    """Return all counters."""
    found: StoredCounts = {}
    for metric, labels, count in connection.execute("SELECT * FROM kill_counts"):
        values = tuple(map(str, json.loads(labels)))
        found.setdefault(metric, {})[values] = int(count)
    return found


def keep_only(connection: sqlite3.Connection, is_kept: Callable[[LabelValues], bool]) -> None:
    """Delete the counters of containers that are long gone."""
    gone = [
        (metric, json.dumps(labels))
        for metric, counts in load(connection).items()
        for labels in counts
        if not is_kept(labels)
    ]
    connection.executemany("DELETE FROM kill_counts WHERE metric = ? AND labels = ?", gone)
