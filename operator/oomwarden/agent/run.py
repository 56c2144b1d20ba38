"""The agent's loops, all in one TaskGroup: one that ends ends the process."""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

from oomwarden.agent import health
from oomwarden.agent.bookkeep import Bookkeeper
from oomwarden.agent.deliver import Deliverer
from oomwarden.agent.health import Figures, Loop, age_of
from oomwarden.agent.inventory import Inventory
from oomwarden.agent.kernel_side import KernelSide
from oomwarden.agent.log_reader import LogReader
from oomwarden.agent.pod_sink import PodSink
from oomwarden.agent.report import Enforced, Reporter
from oomwarden.agent.settings import Settings
from oomwarden.agent.settle import Place, Settler
from oomwarden.agent.status import StatusWriter
from oomwarden.agent.store import Store
from oomwarden.api.oomnode import Applied
from oomwarden.core.ledger import Ledger
from oomwarden.kernel import syslog
from oomwarden.kernel.host import Host
from oomwarden.kube import kills, nodes, watch
from oomwarden.kube.client import Selection, connect
from oomwarden.kube.resources import Pod

LATE_SECONDS = 60.0
_LOG = logging.getLogger(__name__)


async def run(settings: Settings) -> None:
    """Run until cancelled."""
    host, client, inventory = Host(settings.proc), connect(), Inventory()
    store = Store(settings.state_dir / "oomwarden.sqlite")
    await store.open()
    kernel = KernelSide(settings.cgroup_root)
    log = LogReader(syslog.read_all)
    place = Place(settings.node, host.boot_id(), nested=False)
    settler = Settler(place, Ledger(), inventory, log, lambda _: None)
    deliverer = Deliverer(store, partial(kills.deliver, client))
    books = Bookkeeper(settler, store, deliverer.wake.set)
    reporter = Reporter(settings, host, store, kernel, log, client)
    status = StatusWriter(
        lambda: reporter.status(Enforced(Applied(), (), ())),
        partial(nodes.write_status, client, settings.node),
    )
    heard = Heard()
    loops = [
        Loop("detect", age_of(kernel.age_from), LATE_SECONDS),
        Loop("bookkeep", age_of(lambda: books.progress), LATE_SECONDS),
        Loop("deliver", age_of(lambda: deliverer.progress)),
        Loop("status", age_of(lambda: status.progress)),
        *heard.loops("pods"),
    ]

    def figures() -> Figures:
        return Figures(books.kills, 0, 0, 0, 0)

    health.serve(settings.metrics_port, loops, figures)
    pods = Selection(Pod, fields=f"spec.nodeName={settings.node}")
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(
                watch.follow(client, pods, PodSink(inventory, lambda: None), heard.of("pods"))
            )
            group.create_task(_kernel_side(kernel, books), name="kernel")
            group.create_task(deliverer.run(), name="deliver")
            group.create_task(status.run(), name="status")
    finally:
        await store.close()


async def _kernel_side(kernel: KernelSide, books: Bookkeeper) -> None:
    kubepods = await kernel.find()
    async with asyncio.TaskGroup() as group:
        group.create_task(kernel.run(kubepods), name="detect")
        group.create_task(books.run(kernel.queue), name="bookkeep")


class Heard:
    """When each watch heard from the API server last, in monotonic seconds."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}

    def of(self, name: str) -> Callable[[], None]:
        """Give what notes a sign of life of this watch."""

        def note() -> None:
            self._at[name] = time.monotonic()

        return note

    def loops(self, *names: str) -> list[Loop]:
        """Give the watches as loops, which never make the agent unhealthy."""
        return [Loop(f"watch-{n}", age_of(partial(self._last, n))) for n in names]

    def _last(self, name: str) -> float:
        return self._at.get(name, 0.0)
