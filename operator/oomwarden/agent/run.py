"""The agent's loops, all in TaskGroups: one that ends ends the process.

detect -> bookkeep -> deliver      kills become records (detect.py, bookkeep.py, deliver.py)
naming -> enforce                  policies hold on processes (naming.py, enforce.py)
group-kill                         and on memory.oom.group (group_kill.py)
samples                            what the records tell of memory before a kill (samples.py)
outranked                          which services of the node die before a pod (outranked.py)
contradictions                     where the kubelet hides a kill (contradictions.py)
watches -> inventory, policies     what the API server tells
status                             what OOMNode says
"""

import asyncio
from functools import partial

from oomwarden.agent.api_watches import ApiWatches
from oomwarden.agent.baselines.scores import Baselines
from oomwarden.agent.baselines.store_loss import store_was_lost
from oomwarden.agent.delivery.deliverer import Deliverer
from oomwarden.agent.detection.kernel_log import ELSEWHERE, KernelLogReader
from oomwarden.agent.detection.kubepods import KubepodsDetection
from oomwarden.agent.detection.layout import Layout
from oomwarden.agent.detection.memory_sampler import MemorySampler
from oomwarden.agent.enforcement.caps import Caps
from oomwarden.agent.enforcement.naming import ContainerNamer
from oomwarden.agent.enforcement.reconciler import ScoreReconciler
from oomwarden.agent.informers.inventory import Inventory
from oomwarden.agent.informers.pressure import PressureWatch
from oomwarden.agent.recording.agent_kills import agent_pods
from oomwarden.agent.recording.host_kills import HostKills
from oomwarden.agent.recording.kill_progress import GroupKillProbe
from oomwarden.agent.recording.misreports import MisreportNotifier
from oomwarden.agent.recording.recorder import Recorder
from oomwarden.agent.recording.settler import NodeIdentity, Settler
from oomwarden.agent.reporting.node_services import NodeServicesMonitor
from oomwarden.agent.reporting.node_status import NodeStatusBuilder, ReportInputs
from oomwarden.agent.reporting.status_writer import NodeStatusWriter
from oomwarden.agent.runtime import health
from oomwarden.agent.runtime.lock import Waits, node_lock
from oomwarden.agent.runtime.progress import WatchProgress
from oomwarden.agent.runtime.settings import Settings
from oomwarden.agent.store.database import Database
from oomwarden.agent.store_check import check
from oomwarden.api.oomnode import OOMNodeStatus
from oomwarden.core.enforcement.scoring import Floor
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.kernel import syslog
from oomwarden.kernel.boot import boot_id
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.container.memory import memory_of
from oomwarden.kernel.host import Host
from oomwarden.kernel.proc.process import ProcRoot
from oomwarden.kernel.roots import HostRoots
from oomwarden.kube import events
from oomwarden.kube import oomkill_writer as kills
from oomwarden.kube import oomnodes as nodes
from oomwarden.kube.transport import reflector as watch
from oomwarden.kube.transport.client import Client, connect
from oomwarden.kube.transport.guarded_sink import guarded
from oomwarden.probes.loops import Loop, age_of

LATE_SECONDS = 60.0


class Agent:
    """All parts of one agent, made in the order in which they need each other."""

    def __init__(self, settings: Settings, store: Database) -> None:
        self.settings = settings
        self.store = store
        self.host = Host(settings.proc)
        self.client: Client = connect()
        self.inventory = Inventory()
        self.kernel = KubepodsDetection(settings.cgroup_root)
        self.log = KernelLogReader(
            syslog.read_all, None if self.host.first_pid_namespace() else ELSEWHERE
        )
        self.pressure = PressureWatch(settings.namespace)
        self.deliverer = Deliverer(store, partial(kills.deliver, self.client), self.pressure)
        self.reporter = NodeStatusBuilder(
            settings, self.host, store, self.kernel, self.log, self.client
        )
        write = partial(nodes.write_status, self.client, settings.node)
        gap = settings.report_seconds
        self.status = NodeStatusWriter(self._status, write, gap, self.pressure.nodes)
        self.baselines = Baselines(store, self.host.boot_id())
        self.places = HostRoots(CgroupRoot(settings.cgroup_root), ProcRoot(settings.proc))
        caps = Caps(settings.processes_per_second, settings.new_pods_per_minute)
        self.enforcer = ScoreReconciler(
            self.inventory,
            self.baselines,
            self.places,
            Floor(settings.namespaced_floor),
            cgroup_writes=settings.cgroup_writes,
            caps=caps,
            capacity=self.host.total_memory(),
        )
        self.naming = ContainerNamer(
            self.inventory, self.baselines, self.places, self.enforcer.news.set
        )
        boot_id = self.host.boot_id()
        place = NodeIdentity(
            settings.node, boot_id, self.kernel, agent_pods(settings.state_dir, boot_id)
        )
        cgroups = self.places.cgroups
        self.settler = Settler(
            place,
            Ledger(),
            self.inventory,
            self.log,
            self.enforcer.winner_of,
            partial(memory_of, cgroups),
        )
        ask = partial(
            nodes.list_recorded_ranges,
            self.client,
            settings.node,
            place.boot_id,
            settings.namespace,
        )
        wake = self.deliverer.wake.set
        self.contradictions = MisreportNotifier(partial(events.post_own, self.client))
        observers = (self.contradictions.kill_recorded,)
        probe = GroupKillProbe(cgroups)
        self.books = Recorder(
            self.settler, store, probe, ask, self.pressure.now, wake, observers
        )
        self.samples = MemorySampler(self.inventory, self.settler.ledger.accounts, self.places)
        self.layout = self.kernel.layout = Layout(self.inventory, self.places.cgroups)
        self.host_kills = HostKills(self.host, store, self.kernel, self.settler.ledger)
        self.heard = WatchProgress()
        parts = (self.enforcer, self.contradictions, self.pressure)
        self.watches = ApiWatches(settings, self.client, *parts)
        self.outranked: NodeServicesMonitor | None = None
        odd = self.reporter.passed_over = self.watches.passed_over
        odd.changed = self.enforcer.told = self.deliverer.told = self.status.news
        self.enforcer.groups.told = self.enforcer.limits.book.changed = self.status.news

    async def run(self) -> None:
        """Run until cancelled."""
        waits, port = Waits(), self.settings.metrics_port
        with health.serving(port, self.loops(), self.figures, waits.said):
            async with node_lock(self.settings.state_dir, waits):
                await self._with_store()

    async def _with_store(self) -> None:
        """Close the store before the next agent may open it: closing removes its -wal by name."""
        try:
            await self.store.open()
            await self._loops()
        finally:
            await self.store.close()

    async def _loops(self) -> None:
        async with asyncio.TaskGroup() as group:
            for name, source, what, sink in self.watches.all:
                heard = self.heard.of(name)
                sure = guarded(sink, what.resource, self.watches.passed_over)
                group.create_task(watch.follow(source, what, sure, heard), name=name)
            group.create_task(self.watches.own.run(), name="namespaces-policies")
            group.create_task(self.watches.everywhere.run(), name="left-out-policies")
            here = (self.settings.node, self.host.boot_id())
            ask = store_was_lost(self.store, self.client, *here)
            history = group.create_task(ask, name="history")
            group.create_task(self._kernel_side(history), name="kernel")
            group.create_task(self.deliverer.run(), name="deliver")
            group.create_task(self.contradictions.run(), name="contradictions")
            group.create_task(self.layout.run(), name="layout")
            group.create_task(self._status_after(history), name="status")
            labels = partial(nodes.labels, self.client, self.settings.node)
            every = self.settings.look_seconds
            group.create_task(self.enforcer.node.run(labels, every), name="node-labels")

    async def _status_after(self, history: asyncio.Task[bool]) -> None:
        """Write OOMNode, which tells whose store it was, once it was asked."""
        await history
        await self.enforcer.limits.book.listed()
        await self.status.run()

    async def _kernel_side(self, history: asyncio.Task[bool]) -> None:
        kubepods = await self.kernel.find()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.kernel.run(kubepods), name="detect")
            group.create_task(self.books.run(self.kernel.queue), name="bookkeep")
            group.create_task(self.samples.run(), name="samples")
            group.create_task(self._enforcement(group, history), name="enforcement")
            outranked = self._outranked(kubepods.path)
            group.create_task(outranked.run(self.settings.look_seconds), name="outranked")

    def _outranked(self, kubepods: str) -> NodeServicesMonitor:
        found = NodeServicesMonitor(
            self.places, kubepods, self.host.total_memory(), self.status.news
        )
        self.outranked = found
        self.enforcer.warn = found.warn
        return found

    async def _enforcement(self, group: asyncio.TaskGroup, history: asyncio.Task[bool]) -> None:
        """Begin to enforce once it is known whether older values of ours are in place."""
        self.baselines.store_lost = await history
        await self.baselines.load()
        await self.enforcer.groups.found.load()
        await self.enforcer.references.load()
        group.create_task(self.naming.run(), name="naming")
        group.create_task(self.enforcer.run(), name="enforce")
        group.create_task(self.enforcer.groups.run(), name="group-kill")

    def loops(self) -> list[Loop]:
        """Give every loop's age; only those of the kernel side can make the agent unhealthy."""
        return [
            Loop("detect", age_of(self.kernel.age_from), LATE_SECONDS),
            Loop("bookkeep", age_of(lambda: self.books.progress), LATE_SECONDS),
            Loop("naming", age_of(lambda: self.naming.progress), LATE_SECONDS),
            Loop("enforce", age_of(lambda: self.enforcer.progress), LATE_SECONDS),
            Loop("group-kill", age_of(lambda: self.enforcer.groups.progress), LATE_SECONDS),
            Loop("samples", age_of(lambda: self.samples.progress)),
            Loop("outranked", age_of(lambda: self.outranked.progress if self.outranked else 0.0)),
            Loop("contradictions", age_of(lambda: self.contradictions.progress)),
            Loop("deliver", age_of(lambda: self.deliverer.progress)),
            Loop("status", age_of(lambda: self.status.progress)),
            Loop("node-labels", age_of(lambda: self.enforcer.node.progress)),
            *self.heard.loops([each.name for each in self.watches.all]),
        ]

    def figures(self) -> health.Figures:
        """Give what /metrics shows."""
        counts = self.reporter.counts
        return health.Figures(
            kills=self.books.kills,
            unattributed=counts.get("unattributed", 0),
            undeliverable=counts.get("undeliverable", 0),
            outbox=self.deliverer.waiting,
            enforced_processes=self.enforcer.processes,
            group_repairs=self.enforcer.groups.repairs,
            unreadable=self.samples.unreadable + self.kernel.unreadable,
            missing_watches=self.kernel.blindness.watches,
            unopened_cgroups=self.kernel.blindness.unopened,
            log_overruns=self.log.overruns,
            held_records=self.deliverer.numbers.held,
            held_kills=self.deliverer.numbers.held_kills,
            refused_records=self.deliverer.numbers.refused,
            taken_names=counts.get("takenNames", 0),
            stuck_since={
                "naming": self.naming.worker.stuck_since,
                "enforce": self.enforcer.worker.stuck_since,
                "commands": self.enforcer.scans.commands.stuck_since,
                "group-kill": self.enforcer.groups.worker.stuck_since,
                "samples": self.samples.worker.stuck_since,
                "services": self.outranked.worker.stuck_since if self.outranked else None,
            },
        )

    async def _status(self) -> OOMNodeStatus:
        applied, policies = self.enforcer.report()
        fields = self.enforcer.book.unknown_fields()
        asked, host_kills = self.enforcer.limits.asked, await self.host_kills.count()
        left, trouble = self.enforcer.groups.left, self.deliverer.trouble()
        harder = self.pressure.merged_harder(self.inventory.pods.values())
        beyond = self.watches.beyond_bounds()
        work = ReportInputs(
            applied, policies, fields, host_kills, asked, left, trouble, harder, beyond
        )
        return await self.reporter.status(work)


async def run(settings: Settings) -> None:
    """Run until cancelled.

    Raises:
        ExceptionGroup: a loop ended; the process is to be restarted.
    """
    sound = partial(check, boot_id(settings.proc))
    await Agent(settings, Database(settings.state_dir / "oomwarden.sqlite", sound)).run()
