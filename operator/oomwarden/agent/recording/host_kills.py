"""Kills outside of all pods: /proc/vmstat counts them, kubepods does not."""

import sqlite3

from msgspec import Struct

from oomwarden.agent.detection.kubepods import KubepodsDetection
from oomwarden.agent.store.database import Database
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.group_kill import read_oom_kills
from oomwarden.kernel.host import Host

_KEY = "host_kills_before"


class HostKills(Struct):
    """Counts since the store is new; 0 on a nested node, whose vmstat is that of its machine.

    Attributes:
        last: The number at the last call, which never falls; None before it is known.
    """

    host: Host
    cgroups: CgroupRoot
    store: Database
    kernel: KubepodsDetection
    ledger: Ledger
    last: int | None = None
    _before: int | None = None
    _found: int | None = None

    @property
    def is_unconfirmed(self) -> bool:
        """Whether a number was found once that is not counted yet."""
        return self._found is not None and self._found > (self.last or 0)

    async def count(self) -> int:
        """Return the number of kills of host processes, such as daemons and ssh sessions.

        A number counts once it is found twice: between the counts of a kill in vmstat and in
        kubepods (Linux mm/oom_kill.c, __oom_kill_process), it is in no pod.
        """
        outside = self._outside()
        if outside is None:
            return self.last or 0
        if self._before is None:
            self._before = await self._begin(outside)
        found, self._found = self._found, max(outside - self._before, 0)
        confirmed = self._found if found is None else min(found, self._found)
        self.last = max(self.last or 0, confirmed)
        return self.last

    def _outside(self) -> int | None:
        """Return the kills since boot outside of kubepods; None if that is not known."""
        top = self._top()
        if top is None or self.kernel.nested:
            return None
        total = self.host.oom_kills()
        pods = read_oom_kills(self.cgroups, top)  # after vmstat, so that no kill is missing in it
        known = self.ledger.accounts[top.inode].observed.oom_kill
        return max(total - pods, 0) if pods >= known else None

    def _top(self) -> Cgroup | None:
        top = self.kernel.kubepods
        return top if top and top.inode in self.ledger.accounts else None

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
