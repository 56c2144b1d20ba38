"""What all flows share: this node, its store, the API server's view, and the signals."""

from msgspec import Struct, field

from oomwarden.agent.informers.cluster_view import ClusterView
from oomwarden.agent.informers.inventory import Inventory
from oomwarden.agent.informers.pressure import PressureCache
from oomwarden.agent.runtime.settings import Settings
from oomwarden.agent.runtime.signal import Signal
from oomwarden.agent.store.database import Database
from oomwarden.core.objects.unreadable import UnreadableObjects
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.host import Host
from oomwarden.kernel.proc.process import ProcRoot
from oomwarden.kernel.roots import HostRoots
from oomwarden.kube.transport.client import Client

LATE_SECONDS = 60.0
"""Age at which a loop that reads or writes the kernel makes the agent unhealthy."""
GATHER_SECONDS = 0.5
"""Ends of containers and changes of pods come in groups; containers are evaluated once for each."""


class Signals(Struct, frozen=True):
    """Which loop waits for what.

    Attributes:
        containers: Containers have to be evaluated again.
        group_kills: `memory.oom.group` may have to differ.
        limits: Resizes may have to be asked for.
        outbox: Records may be due for delivery.
        status: OOMNode may have to say something else.
        findings: It may have to say something else of policies; nobody waits for this one.
    """

    containers: Signal = field(default_factory=Signal)
    group_kills: Signal = field(default_factory=Signal)
    limits: Signal = field(default_factory=Signal)
    outbox: Signal = field(default_factory=Signal)
    status: Signal = field(default_factory=Signal)
    findings: Signal = field(default_factory=Signal)

    def containers_changed(self) -> None:
        """What is known of containers differs, but none of them is new: that can wait a moment."""
        self.containers.set_later(GATHER_SECONDS)

    def evaluated(self) -> None:
        """All containers were evaluated: everything that follows from it may differ."""
        self.group_kills.set()
        self.limits.set()
        self.findings_changed()

    def limits_changed(self) -> None:
        """The operator has set or put back a limit."""
        self.limits.set()
        self.findings_changed()

    def findings_changed(self) -> None:
        """What became of a policy has changed."""
        self.findings.set()
        self.status.set()


class Node:
    """This node: its settings, its host, its store, and what the API server says of it."""

    def __init__(self, settings: Settings, store: Database, client: Client) -> None:
        self.settings = settings
        self.store = store
        self.client = client
        self.signals = Signals()
        self.host = Host(settings.proc)
        self.boot_id = self.host.boot_id()
        self.roots = HostRoots(CgroupRoot(settings.cgroup_root), ProcRoot(settings.proc))
        self.inventory = Inventory()
        self.view = ClusterView.of(
            self.inventory, self.signals.containers.set, self.signals.limits_changed
        )
        self.pressure = PressureCache(settings.namespace, self.signals.outbox.set)
        self.unreadable = UnreadableObjects(self.signals.status.set)
