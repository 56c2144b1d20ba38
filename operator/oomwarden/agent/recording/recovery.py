"""The ledger at start-up: from what an earlier agent saved, or from what the API server keeps."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Unpack

from msgspec import Struct, field
from msgspec.structs import replace

from oomwarden.agent.detection.batch import Batch
from oomwarden.agent.informers.inventory import Container
from oomwarden.agent.recording.checkpointer import Settled
from oomwarden.agent.recording.settler import Settler
from oomwarden.agent.runtime.poll_backoff import PollBackoff
from oomwarden.agent.store import checkpoints
from oomwarden.agent.store import pods as stored_pods
from oomwarden.agent.store.checkpoints import Checkpoint
from oomwarden.agent.store.database import Database
from oomwarden.core.kernel_log.position import NOTHING_RECORDED
from oomwarden.core.ledger.log_backlog import restore_backlog
from oomwarden.core.ledger.rebuild import RecordedKills, gaps, kills_before_start, rebuild
from oomwarden.core.log_line.keys import LogKeys, about
from oomwarden.core.model.cgroup import Level
from oomwarden.kube.transport.errors import API_ERRORS, classify_error, error_keys

ASK_AGAIN_SECONDS = 2.0, 30.0
"""The first and the longest wait after the API server has not answered."""
LOOK_SECONDS = 2.0
"""Between two looks whether the pods are listed."""
_LOG = logging.getLogger(__name__)

ListRecorded = Callable[[], Awaitable[RecordedKills]]


class Recovery(Struct):
    """Restores the ledger.

    Attributes:
        settler: Owns the ledger.
        store: Where an earlier agent saved its checkpoints.
        list_recorded: Lists the OOMKills of this node that the API server keeps.
        on_wait: Called each time that the API server has not answered.
        saved: Checkpoints of cgroups that have not appeared yet, by inode.
    """

    settler: Settler
    store: Database
    list_recorded: ListRecorded
    on_wait: Callable[[], None]
    saved: dict[int, Checkpoint] = field(default_factory=dict)
    _backoff: PollBackoff = field(default_factory=lambda: PollBackoff(*ASK_AGAIN_SECONDS))
    _hidden: frozenset[int] | None = None  # since the start not all that is below them was opened

    async def load(self) -> None:
        """Load what an earlier agent of this boot saved; the kernel log goes on where it ended."""
        boot = self.settler.identity.boot_id
        self.saved = await self.store.run(lambda db: checkpoints.load(db, boot))
        known = await self.store.run(lambda db: stored_pods.load(db, boot))
        agents = self.settler.identity.agents  # one that died while it started had no store
        for facts in (*known, *agents):
            self.settler.inventory.deleted.setdefault(facts.cgroup_uid, facts)
        read_to = await self.store.run(lambda db: checkpoints.log_position(db, boot))
        await self.settler.log.start_from(NOTHING_RECORDED if self.store.is_new else read_to)

    def existed_before(self, batch: Batch) -> set[int]:
        """Return the new cgroups, by inode, that were there when the agent started.

        Those are all of its first batch, and what could not be opened then.
        """
        new, hidden = batch.appeared, self._hidden
        self._hidden = batch.unopened & (batch.unopened if hidden is None else hidden)
        found = {cgroup.inode for cgroup, _ in new if hidden is None}
        for cgroup, parent in new:
            if parent in found or (parent in (hidden or ()) and cgroup.inode in batch.late):
                found.add(cgroup.inode)
        return found

    def restore_removed(self) -> None:
        """Open accounts of cgroups that were removed while no agent ran: one may explain a gap."""
        ledger = self.settler.ledger
        by_path = {account.cgroup.path: inode for inode, account in ledger.accounts.items()}
        for inode, known in sorted(self.saved.items(), key=lambda one: one[1].cgroup.path):
            parent = by_path.get(known.cgroup.path.rpartition("/")[0])
            ledger.open(known.cgroup, parent, known.recorded)
            ledger.mark_gone(inode)
            by_path.setdefault(known.cgroup.path, inode)
            if known.cgroup.level is Level.CONTAINER:
                self.settler.removed[inode] = Container(known.cgroup, 0.0, known.name)
        self.saved.clear()

    async def rebuild(self) -> Settled:
        """Rebuild a new store from the API server's OOMKills; kills from before are only counted.

        This waits for the API server without a bound: the kernel keeps the counters, and nothing
        could be delivered meanwhile.
        """
        agents = frozenset(pod.uid for pod in self.settler.identity.agents)
        known = replace(await self._ask(), agents=agents)
        while not self.settler.inventory.synced:
            await self._wait(LOOK_SECONDS, "the list of this node's pods")
        ledger, inventory = self.settler.ledger, self.settler.inventory
        pods = [a.cgroup for a in ledger.accounts.values() if a.cgroup.level is Level.POD]
        facts = {cgroup.inode: inventory.pod(cgroup) for cgroup in pods}
        created = {inode: pod.created for inode, pod in facts.items() if pod and pod.created}
        rebuild(ledger, known, created)
        log, all_pods = self.settler.log, inventory.deleted | inventory.pods
        log.keep_only(restore_backlog(ledger, log.unclaimed(), all_pods, known))
        ranges = gaps(ledger, known, created)
        before = kills_before_start(ledger, known, ranges)
        incidents = [found for counted in ranges if (found := self.settler.gap_incident(counted))]
        return Settled(incidents, before_start=before)

    async def _ask(self) -> RecordedKills:
        while True:
            try:
                return await self.list_recorded()
            except API_ERRORS as error:
                failure = classify_error(error)
                keys = error_keys(failure)
                what = f"this node's OOMKills: {failure.reason}"
                await self._wait(self._backoff.failed(), what, **keys)

    async def _wait(self, seconds: float, what: str, **keys: Unpack[LogKeys]) -> None:
        _LOG.warning("the store is new, and recording waits for %s", what, extra=about(keys))
        self.on_wait()
        await asyncio.sleep(seconds)
