"""Kills outside of all pods: /proc/vmstat counts them, kubepods does not."""

import sqlite3
from dataclasses import dataclass

from oomwarden.agent.detection.kubepods import KubepodsDetection
from oomwarden.agent.store.database import Database
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.kernel.host import Host

_KEY = "host_kills_before"


@dataclass(slots=True)
class HostKills:
    """Counts since the store is new; 0 on a nested node, whose vmstat is that of its machine.

    Attributes:
        last: The number at the last call.
    """

    host: Host
    store: Database
    kernel: KubepodsDetection
    ledger: Ledger
    last: int = 0
    _before: int | None = None

    async def count(self) -> int:
        """Return the number of kills of host processes, such as daemons and ssh sessions."""
        top = self.kernel.kubepods and self.ledger.accounts.get(self.kernel.kubepods.inode)
        if not top or self.kernel.nested or top.unrecorded.oom_kill:
            return self.last
        outside = max(self.host.oom_kills() - top.observed.oom_kill, 0)
        if self._before is None:
            self._before = await self._begin(outside)
        self.last = max(outside - self._before, 0)
        return self.last

    async def _begin(self, outside: int) -> int:
        """Return what a new store has to subtract; a new boot starts at zero."""
        boot = self.host.boot_id()
        before = outside if self.store.is_new else 0

        def keep(db: sqlite3.Connection) -> int:
            key = f"{_KEY}.{boot}"
            db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (key, str(before)))
            row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            return int(row[0])

        return await self.store.run(keep)
