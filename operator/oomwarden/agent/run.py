"""The agent's loops, all in TaskGroups: if one ends, the process ends.

The parts are made in flows/, one module for each flow: kills.py (from counter to OOMKill),
scores.py (from policy to process), outlook.py (before a kill), status.py (from state to OOMNode),
metrics.py (from state to /metrics).
What the API server says comes through the watches of api_watches.py into informers/.
"""

import asyncio
import random
from functools import partial

from oomwarden.agent.baselines.store_loss import store_was_lost
from oomwarden.agent.flows.kills import KillFlow
from oomwarden.agent.flows.metrics import MetricsFlow
from oomwarden.agent.flows.node import Node
from oomwarden.agent.flows.outlook import OutlookFlow
from oomwarden.agent.flows.scores import ScoreFlow
from oomwarden.agent.flows.status import StatusFlow
from oomwarden.agent.flows.watches import ApiWatches, ResourceWatch
from oomwarden.agent.runtime import health
from oomwarden.agent.runtime.lock import Readiness, node_lock
from oomwarden.agent.runtime.settings import Settings
from oomwarden.agent.store.database import Database
from oomwarden.agent.store_check import check
from oomwarden.kernel.boot import boot_id
from oomwarden.kernel.file_pages import unmap_file_pages
from oomwarden.kernel.heap import release_free_memory
from oomwarden.kube.transport import reflector
from oomwarden.kube.transport.client import Client, connect
from oomwarden.kube.transport.guarded_handler import guard
from oomwarden.probes.loops import Loop
from oomwarden.probes.watch_progress import WatchProgress

_START_SECONDS = 60.0
"""By then, all lists have been read and the first reports written."""
_GIVE_BACK_SECONDS = 300.0
SPREAD_SECONDS = 2.0
"""Agents that start at the same time read their lists within this time: 2,000 of them, with seven
lists each, would be 14,000 requests at once. Until then, processes keep the scores that they have,
and kills are recorded."""


class Agent:
    """All flows of one agent, made in the order in which they need each other."""

    def __init__(self, settings: Settings, store: Database, client: Client) -> None:
        self.node = Node(settings, store, client)
        self.scores = ScoreFlow(self.node)
        self.kills = KillFlow(self.node, self.scores.tracker.governing.of)
        self.watches = ApiWatches(self.node, self.kills.misreports)
        self.outlook = OutlookFlow(self.node, self.kills)
        self.status = StatusFlow(self.node, self.kills, self.scores, self.watches, self.outlook)
        self.metrics = MetricsFlow(self.node, self.kills, self.scores, self.outlook, self.status)
        self.heard = WatchProgress()

    async def run(self) -> None:
        """Run until cancelled."""
        waits, settings = Readiness(), self.node.settings
        with health.serving(
            settings.metrics_port, self.loops(), self.metrics.families, waits.waiting_for
        ):
            async with node_lock(settings.state_dir, waits):
                await self._with_store()

    async def _with_store(self) -> None:
        """Close the store before the next agent may open it: closing removes its -wal by name."""
        store = self.node.store
        try:
            await store.open()
            await self._loops()
        finally:
            await store.close()

    async def _loops(self) -> None:
        delay = random.uniform(0.0, SPREAD_SECONDS)  # noqa: S311 - jitter
        async with asyncio.TaskGroup() as group:
            for watch in self.watches.all:
                group.create_task(self._follow(watch, delay), name=watch.name)
            group.create_task(self.watches.policies.run(), name="namespaces-policies")
            group.create_task(self.watches.cluster_policies.run(), name="left-out-policies")
            node = self.node
            lost = store_was_lost(node.store, node.client, node.settings.node, node.boot_id)
            history = group.create_task(lost, name="history")
            group.create_task(self._kernel_side(history), name="kernel")
            group.create_task(self.kills.deliver(), name="delivery")
            group.create_task(self.status.run(history), name="report")
            group.create_task(self.scores.watch_labels(), name="node-labels")
            group.create_task(_give_back_memory(), name="memory")

    async def _follow(self, watch: ResourceWatch, delay: float) -> None:
        sink = guard(watch.handler, watch.options.resource, self.node.unreadable)
        await asyncio.sleep(delay)
        heard = self.heard.marker(watch.name)
        await reflector.list_and_watch(watch.source, watch.options, sink, heard)

    async def _kernel_side(self, history: asyncio.Task[bool]) -> None:
        kubepods = await self.kills.kernel.find()
        seconds = self.node.settings.poll_seconds
        async with asyncio.TaskGroup() as group:
            group.create_task(self.kills.record(kubepods), name="recording")
            group.create_task(self.scores.run(history), name="enforcement")
            services = self.status.services.run(kubepods.path, seconds)
            group.create_task(services, name="outranked")
            group.create_task(self.outlook.warnings.run(), name="early-warnings")

    def loops(self) -> list[Loop]:
        """List the loops of all flows, and the watches."""
        flows = [*self.kills.loops(), *self.scores.loops(), *self.status.loops()]
        flows += [*self.outlook.loops(), *self.metrics.loops()]
        return [*flows, *self.heard.loops([each.name for each in self.watches.all])]


async def _give_back_memory() -> None:
    """Give back what start-up has left, and later what storms leave."""
    await asyncio.sleep(_START_SECONDS)
    while True:
        unmap_file_pages()
        release_free_memory()
        await asyncio.sleep(_GIVE_BACK_SECONDS)


async def run(settings: Settings) -> None:
    """Run until cancelled.

    Raises:
        ExceptionGroup: a loop ended; the process is to be restarted.
    """
    sound = partial(check, boot_id(settings.proc))
    store = Database(settings.state_dir / "oomwarden.sqlite", sound)
    await Agent(settings, store, connect()).run()
