"""The agent's store, as tests open it."""

import sqlite3
from pathlib import Path

from oomwarden.agent.store.database import Database


def store_at(path: Path) -> Database:
    """Return a store on this file whose rows are not checked; it is not open yet."""
    return Database(path, _accept)


def _accept(_: sqlite3.Connection) -> None:
    """Accept any rows."""
