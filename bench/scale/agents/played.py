"""One agent without its node: what it watches, polls, reports and delivers, with the real classes.

Nothing reads a kernel. Pods and policies come from the API server as always; that a policy holds is
assumed, and which processes were killed is made up.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from oomwarden import __version__
from oomwarden.agent.baselines import store_loss
from oomwarden.agent.delivery import intake
from oomwarden.agent.delivery.deliverer import Deliverer
from oomwarden.agent.flows.node import Node
from oomwarden.agent.flows.watches import ApiWatches, ResourceWatch
from oomwarden.agent.recording import recovery
from oomwarden.agent.recording.misreports import MisreportNotifier
from oomwarden.agent.reporting.node_status import MEMORY_SECONDS
from oomwarden.agent.reporting.status_writer import NodeStatusWriter
from oomwarden.agent.runtime.poll_backoff import PollBackoff
from oomwarden.agent.runtime.settings import from_environment
from oomwarden.agent.store.database import Database
from oomwarden.api.oomnode import AgentInfo, KernelInfo, OOMNodeStatus, PolicyReport
from oomwarden.core.policy.policy import Policy
from oomwarden.core.reporting.node_conditions import NodeFindings, node_conditions
from oomwarden.core.reporting.node_memory import memory_info
from oomwarden.kernel.overcommit import read_settings
from oomwarden.kube import events, oomkill_writer, oomnodes
from oomwarden.kube.transport import reflector
from oomwarden.kube.transport.client import Client
from oomwarden.kube.transport.errors import API_ERRORS
from oomwarden.kube.transport.guarded_handler import guard

from bench.scale.agents.kill_rows import killed

NAMESPACE = "oomwarden"
_EVALUATION_SECONDS = 0.05


class PlayedAgent:
    """The API side of an agent.

    Attributes:
        node: What the real agent's flows share.
        watches: The real agent's watches.
        written: When it last wrote its OOMNode (`time.monotonic`); None before that.

    Args:
        name: The node's name.
        client: The client with this node's token.
        folder: Where a store would be, which is opened for the first kill only.
    """

    def __init__(self, name: str, client: Client, folder: Path) -> None:
        settings = from_environment({"NODE_NAME": name, "POD_NAMESPACE": NAMESPACE})
        store = Database(folder / f"{name}.sqlite", lambda _: None)
        self.node = Node(settings, store, client)
        self.watches = ApiWatches(self.node, MisreportNotifier(partial(events.post_own, client)))
        self.written: float | None = None
        self._unheard = {each.name for each in self.watches.all}
        self._memory: tuple[str | None, str | None] = (None, None)
        self._memory_at = float("-inf")
        self._started = _now()
        self._kills = 0
        self._deliverer: Deliverer | None = None
        self._delivering: asyncio.Task[None] | None = None

    @property
    def synced(self) -> bool:
        """Whether all lists were read and a report was written."""
        return not self._unheard and self.written is not None

    @property
    def undelivered(self) -> tuple[int, int]:
        """Return how many records wait for the API server, and how many for their budget."""
        found = self._deliverer
        return (found.waiting, found.counts.held) if found else (0, 0)

    async def run(self, delay: float, *, is_new: bool) -> None:
        """Run until cancelled.

        Args:
            delay: Seconds before the lists, by which the agents of a fleet spread their start.
            is_new: Whether its store is new, and what is known must come from the API server.
        """
        node, client = self.node, self.node.client
        name = node.settings.node
        async with asyncio.TaskGroup() as group:
            for each in self.watches.all:
                group.create_task(self._follow(each, delay))
            group.create_task(self.watches.policies.run())
            group.create_task(self.watches.cluster_policies.run())
            labels = partial(oomnodes.read_node_labels, client, name)
            group.create_task(node.view.node.run(labels, node.settings.poll_seconds))
            group.create_task(self._evaluate())
            group.create_task(self._report(is_new=is_new))
            if is_new:
                group.create_task(self._recover())

    async def _follow(self, watch: ResourceWatch, delay: float) -> None:
        sink = guard(watch.handler, watch.options.resource, self.node.unreadable)
        await asyncio.sleep(delay)
        heard = partial(self._unheard.discard, watch.name)
        await reflector.list_and_watch(watch.source, watch.options, sink, heard)

    async def _recover(self) -> None:
        node = self.node
        ask = partial(oomnodes.list_recorded_ranges, node.client, node.settings.node)
        await _until_answered(
            partial(ask, node.boot_id, NAMESPACE), PollBackoff(*recovery.ASK_AGAIN_SECONDS)
        )

    async def _evaluate(self) -> None:
        """Stand in for the evaluation of containers, after which anything may be different."""
        signals = self.node.signals
        while True:
            await signals.containers.wait()
            await asyncio.sleep(_EVALUATION_SECONDS)
            signals.evaluated()

    async def _report(self, *, is_new: bool) -> None:
        node = self.node
        if is_new:
            ask = partial(oomnodes.read_status, node.client, node.settings.node)
            await _until_answered(ask, PollBackoff(*store_loss.ASK_AGAIN_SECONDS))
        await node.view.limits.wait_for_sync()
        writer = NodeStatusWriter(
            self._status,
            self._write,
            node.signals.status,
            node.settings.report_seconds,
            node.pressure.node_count,
            lambda: None,
        )
        await writer.run()

    async def _write(self, status: OOMNodeStatus) -> None:
        await oomnodes.write_status(self.node.client, self.node.settings.node, status)
        self.written = time.monotonic()

    async def _status(self) -> OOMNodeStatus:
        node, host = self.node, self.node.host
        if time.monotonic() - self._memory_at >= MEMORY_SECONDS:
            with suppress(*API_ERRORS):
                self._memory = await oomnodes.read_node_memory(node.client, node.settings.node)
                self._memory_at = time.monotonic()
        stalls, settings = host.memory_stalls(), read_settings(host.proc)
        return OOMNodeStatus(
            agent=AgentInfo(
                version=__version__, store_id="played", started=self._started, heartbeat=_now()
            ),
            conditions=node_conditions(NodeFindings(), _now()),
            kernel=KernelInfo(release="6.1.0", boot_id=node.boot_id, cgroup_driver="systemd"),
            memory=memory_info(self._memory, host.meminfo(), settings, stalls),
            policies=tuple(self._policy_reports()),
        )

    def _policy_reports(self) -> list[PolicyReport]:
        pods = self.node.inventory.pods.values()
        namespaces = {None, *(pod.namespace for pod in pods)}
        policies = self.node.view.policies.policies.values()
        return [_report_of(each, len(pods)) for each in policies if each.namespace in namespaces]

    async def storm(self, kills: int, seconds: float, namespace: str) -> None:
        """Have processes killed, each in a pod of its own, spread evenly over a time."""
        await self._start_delivery()
        node, began = self.node, time.monotonic()
        for number in range(kills):
            await asyncio.sleep(began + number * seconds / kills - time.monotonic())
            self._kills += 1
            rows = [killed(node.settings.node, namespace, self._kills, node.boot_id)]
            now, pressure = time.time(), node.pressure.current()
            await node.store.run(partial(intake.enqueue, now=now, rows=rows, pressure=pressure))
            node.signals.outbox.set()

    async def _start_delivery(self) -> None:
        if self._deliverer is not None:
            return
        node = self.node
        await node.store.open()
        self._deliverer = Deliverer(
            node.store,
            partial(oomkill_writer.deliver, node.client),
            node.pressure,
            node.signals.status.set,
            node.signals.outbox,
        )
        self._delivering = asyncio.create_task(self._deliverer.run())

    async def aclose(self) -> None:
        """Close the store and all connections."""
        if self._delivering is not None:
            self._delivering.cancel()
            await asyncio.gather(self._delivering, return_exceptions=True)
            await self.node.store.close()
        await self.node.client.aclose()


async def _until_answered(ask: Callable[[], Awaitable[object]], backoff: PollBackoff) -> None:
    while True:
        with suppress(*API_ERRORS):
            await ask()
            return
        await asyncio.sleep(backoff.failed())


def _report_of(policy: Policy, pods: int) -> PolicyReport:
    return PolicyReport(
        kind=policy.kind,
        namespace=policy.namespace,
        name=policy.name,
        observed_generation=policy.generation,
        pods=pods,
        matched=pods,
        enforced=pods,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
