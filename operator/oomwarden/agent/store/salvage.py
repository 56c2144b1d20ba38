"""Reads a store that cannot be opened in place. Loaded only then: it takes 0.5 MiB."""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from oomwarden.agent.store.file import connect, copy_to_memory


def salvage(path: Path, check: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection | None:
    """Read a file into memory that SQLite cannot open in place.

    SQLite needs a -shm file to read, which it cannot create on a read-only or full disk.

    Args:
        path: The file.
        check: Raises sqlite3.Error if what was read is of no use.

    Returns:
        None if it cannot be read, or is of no use.
    """
    try:
        found = _copied(path)
    except (OSError, sqlite3.Error):
        return None
    with suppress(sqlite3.Error):
        check(found)
        return found
    found.close()
    return None


def _copied(path: Path) -> sqlite3.Connection:
    with tempfile.TemporaryDirectory(dir=_scratch_dir()) as directory:
        for tail in ("", "-wal"):
            source = Path(f"{path}{tail}")
            if source.exists():
                shutil.copyfile(source, Path(directory) / f"copy{tail}")
        copy = connect(Path(directory) / "copy")
        try:
            copy.execute("PRAGMA user_version = 0")  # raises if the copy would be read-only
            return copy_to_memory(copy)
        finally:
            copy.close()


def _scratch_dir() -> str | None:
    """Prefer memory: the agent's root is read-only, and the disk is the problem."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - in a new directory
