"""From counter to OOMKill: parts and loops that record kills.

detect -> bookkeep -> deliver    kills become records, and records become objects
samples                          what the records say of memory before a kill
contradictions                   where the kubelet hides a kill
"""

import asyncio
from collections.abc import Callable
from functools import partial

from oomwarden.agent.delivery.deliverer import Deliverer
from oomwarden.agent.detection.kernel_log import OTHER_PID_NAMESPACE, KernelLogReader
from oomwarden.agent.detection.kubepods import KubepodsDetection
from oomwarden.agent.detection.layout import LayoutMonitor
from oomwarden.agent.detection.memory_sampler import MemorySampler
from oomwarden.agent.flows.node import LATE_SECONDS, Node
from oomwarden.agent.metrics.container_counters import ContainerCounters
from oomwarden.agent.recording.agent_kills import agent_pods
from oomwarden.agent.recording.host_kills import HostKills
from oomwarden.agent.recording.misreports import MisreportNotifier
from oomwarden.agent.recording.recorder import Recorder
from oomwarden.agent.recording.settler import NodeIdentity, Settler
from oomwarden.core.incidents.record_context import GoverningPolicy
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.model.cgroup import Cgroup
from oomwarden.kernel import syslog
from oomwarden.kernel.container.memory import read_charged_memory
from oomwarden.kube import events, oomkill_writer, oomnodes
from oomwarden.probes.loops import Loop, age_since


class KillFlow:
    """Detection, recording and delivery.

    Args:
        node: This node.
        policy_of: Returns the policy that governs, or governed, a container's cgroup, by inode.
    """

    def __init__(self, node: Node, policy_of: Callable[[int], GoverningPolicy | None]) -> None:
        settings, client, signals = node.settings, node.client, node.signals
        cgroups = node.roots.cgroups
        self.layout = LayoutMonitor(node.inventory, cgroups)
        self.kernel = KubepodsDetection(settings.cgroup_root, layout=self.layout)
        self.log = KernelLogReader(
            syslog.read_since, None if node.host.in_initial_pid_namespace() else OTHER_PID_NAMESPACE
        )
        agents = agent_pods(settings.state_dir, node.boot_id)
        self.settler = Settler(
            NodeIdentity(settings.node, node.boot_id, self.kernel, agents),
            Ledger(),
            node.inventory,
            self.log,
            policy_of,
            partial(read_charged_memory, cgroups),
        )
        self.deliverer = Deliverer(
            node.store,
            partial(oomkill_writer.deliver, client),
            node.pressure,
            signals.status.set,
            signals.outbox,
        )
        self.counters = ContainerCounters(node.inventory, node.store)
        self.misreports = MisreportNotifier(partial(events.post_own, client))
        recorded_ranges = partial(
            oomnodes.list_recorded_ranges,
            client,
            settings.node,
            node.boot_id,
            settings.namespace,
        )
        self.recorder = Recorder(
            self.settler,
            node.store,
            cgroups,
            recorded_ranges,
            node.pressure.current,
            signals.outbox.set,
            (self.misreports.kill_recorded, self.counters.kill_recorded),
        )
        self.samples = MemorySampler(node.inventory, self.settler.ledger.accounts, node.roots)
        self.host_kills = HostKills(
            node.host, cgroups, node.store, self.kernel, self.settler.ledger
        )

    async def deliver(self) -> None:
        """Deliver and compare with the kubelet until cancelled: neither needs the kernel."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.deliverer.run(), name="deliver")
            group.create_task(self.misreports.run(), name="contradictions")
            group.create_task(self.layout.run(), name="layout")

    async def record(self, kubepods: Cgroup) -> None:
        """Detect and record until cancelled."""
        await self.counters.load()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.kernel.run(kubepods), name="detect")
            group.create_task(self.recorder.run(self.kernel.queue), name="bookkeep")
            group.create_task(self.samples.run(), name="samples")
            group.create_task(self.counters.run(), name="counters")

    def loops(self) -> list[Loop]:
        """List the loops; only detection and recording can make the agent unhealthy."""
        return [
            Loop("detect", age_since(self.kernel.last_progress), LATE_SECONDS),
            Loop("bookkeep", age_since(lambda: self.recorder.progress), LATE_SECONDS),
            Loop("samples", age_since(lambda: self.samples.progress)),
            Loop("contradictions", age_since(lambda: self.misreports.progress)),
            Loop("deliver", age_since(lambda: self.deliverer.progress)),
        ]
