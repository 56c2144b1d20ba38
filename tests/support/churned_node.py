"""A node whose pods come and go and are killed, with all parts of a real agent, in one process.

The kernel's counters, its log and the API server are played. The loops of the agent are its own
(agent/flows), by a clock that jumps (`virtual_time`), with its own SQLite store.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from msgspec.structs import replace
from oomwarden.agent.detection.batch import Batch
from oomwarden.agent.enforcement import naming
from oomwarden.agent.run import Agent
from oomwarden.agent.runtime.settings import from_environment
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.kernel import syslog
from oomwarden.kernel.container.first_process import FirstProcess
from oomwarden.kube import events, oomkill_writer, oomnodes

from tests.support.enforcing import listed, policy
from tests.support.played_node import QOS, TOP, PlayedApi, PlayedKernel
from tests.support.stores import store_at
from tests.support.virtual_time import UPTIME, VirtualLoop

SETTINGS = from_environment({
    "NODE_NAME": "node-1", "POD_NAMESPACE": "oomwarden", "OOMWARDEN_NEAR_MISS_BUDGET": "5",
    "OOMWARDEN_NAMESPACED_FLOOR": "-500",
})  # fmt: skip


@dataclass
class PlayedPod:
    """A pod with one container, on the node."""

    number: int
    pod: Cgroup
    container: Cgroup

    @property
    def uid(self) -> str:
        return self.pod.pod_uid or ""

    def manifest(self, ended: str = "") -> dict[str, Any]:
        found = f"containerd://{self.container.container_id}"
        state: dict[str, Any] = {"running": {}}
        if ended:
            state = {"terminated": {
                "reason": ended, "exitCode": 137, "containerID": found,
                "finishedAt": "2027-01-15T08:00:00Z",
            }}  # fmt: skip
        return {
            "metadata": {
                "name": f"pod-{self.number}", "namespace": "shop", "uid": self.uid,
                "labels": {"app": "db"}, "resourceVersion": str(self.number),
                "creationTimestamp": "2027-01-15T08:00:00Z",
            },
            "spec": {"nodeName": "node-1", "containers": [
                {"name": "app", "resources": {"limits": {"memory": "64Mi"}}},
            ]},
            "status": {"qosClass": "Burstable", "phase": "Running", "containerStatuses": [
                {"name": "app", "containerID": found, "state": state},
            ]},
        }  # fmt: skip


@dataclass
class ChurnedNode:
    """Starts, kills and removes pods; `tell` reports what was read as the detector does."""

    agent: Agent
    loop: VirtualLoop
    api: PlayedApi
    kernel: PlayedKernel
    running: dict[int, PlayedPod] = field(default_factory=dict)
    _read: Counter[int] = field(default_factory=Counter)
    number: int = 0
    _batch: Batch = field(default_factory=lambda: Batch(0.0))

    @property
    def pods(self) -> Any:  # noqa: ANN401 - an event handler
        """The event handler of the pods' watch."""
        return next(each.handler for each in self.agent.watches.all if each.name == "pods")

    def start(self, *, listed_now: bool = True) -> PlayedPod:
        self.number += 1
        uid = f"0a1b2c3d-1111-2222-3333-{self.number:012x}"
        pod = self.kernel.make(QOS, Level.POD, uid)
        started = PlayedPod(self.number, pod, self.kernel.make(pod.inode, Level.CONTAINER, uid))
        self.running[self.number] = started
        if listed_now:
            self.pods.apply(started.manifest())
        self._batch.appeared += [(pod, QOS), (started.container, pod.inode)]
        return started

    def kill(self, pod: PlayedPod, *, logged: bool = True) -> None:
        self.kernel.kill(pod.container, self.loop.now, logged=logged)

    def end(self, pod: PlayedPod, reason: str = "Error", *, deleted: bool = True) -> None:
        del self.running[pod.number]
        self.pods.apply(pod.manifest(reason))
        for cgroup in (pod.container, pod.pod):
            self._batch.vanished.append(cgroup)
            self.kernel.remove(cgroup)
        if deleted:
            self.pods.delete(pod.manifest(reason))

    def tell(self, *, reconciled: bool = False) -> None:
        """Read the counters that moved, parents first, and queue the batch."""
        batch, kernel = self._batch, self.kernel
        here = sorted(kernel.cgroups, key=lambda inode: kernel.cgroups[inode].path.count("/"))
        moved = [i for i in here if kernel.kills[i] != self._read[i] or i not in self._read]
        batch.readings = [kernel.reading(inode) for inode in moved]
        self._read = Counter({inode: kernel.kills[inode] for inode in here})
        batch.began, batch.ended, batch.reconciled = self.loop.now, self.loop.wall(), reconciled
        batch.is_consistent = True
        self._batch = Batch(self.loop.wall())
        if batch:
            self.agent.kills.kernel.queue.put_nowait(batch)

    async def settle(self, seconds: float = 2.0) -> None:
        await asyncio.sleep(seconds)


@contextmanager
def _played(api: PlayedApi, kernel: PlayedKernel) -> Iterator[None]:
    with ExitStack() as stack:
        for module, name, fake in (
            (oomkill_writer, "deliver", api.deliver),
            (events, "post_own", api.post_own),
            (oomnodes, "write_status", api.write_status),
            (oomnodes, "list_recorded_ranges", api.recorded),
            (oomnodes, "read_node_memory", api.memory),
            (syslog, "read_since", lambda _: kernel.ring.text),
            (naming, "find_first_process", lambda *_: FirstProcess("app", 992, None)),
        ):
            stack.enter_context(patch.object(module, name, fake))
        yield


@asynccontextmanager
async def churned_node(
    state: Path,
    loop: VirtualLoop,
    api: PlayedApi | None = None,
    kernel: PlayedKernel | None = None,
) -> AsyncIterator[ChurnedNode]:
    """Run an agent on a store at `state`; a second one goes on with the first one's API."""
    api, kernel = api or PlayedApi(), kernel or PlayedKernel()
    settings = replace(SETTINGS, state_dir=state, cgroup_root=state / "cgroup")
    settings.cgroup_root.mkdir(exist_ok=True)
    with _played(api, kernel):
        client = cast("Any", SimpleNamespace(errors=SimpleNamespace(samples=list)))
        agent = Agent(settings, store_at(state / "store.sqlite"), client)
        agent.kills.log._disabled = None
        await agent.node.store.open()
        node = ChurnedNode(agent, loop, api, kernel)
        agent.kills.kernel.kubepods = kernel.cgroups[TOP]
        _prepare(agent)
        tasks = [asyncio.create_task(each) for each in _loops(agent)]
        node._batch.appeared += [(kernel.cgroups[TOP], None), (kernel.cgroups[QOS], TOP)]
        node.tell(reconciled=True)
        try:
            await node.settle()
            yield node
            for task in tasks:
                assert not task.done() or not task.exception(), task.exception()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await agent.node.store.close()


def _set_clocks(agent: Agent) -> None:
    """Replace the clocks that are defaults of fields, which were bound at import."""
    misreports, warnings = agent.kills.misreports, agent.outlook.warnings
    for each in (misreports, misreports._events, warnings.events, agent.node.pressure):
        each.clock = time.monotonic
    warnings.now = time.time


def _prepare(agent: Agent) -> None:
    _set_clocks(agent)
    view = agent.node.view
    agent.node.inventory.synced = True
    view.limits.replace([])
    view.node.labels = {"zone": "a"}
    view.namespaces.replace([{"metadata": {"name": "shop", "labels": {"t": "a"}}}])
    view.mode.apply({"metadata": {"name": "oomwarden-control"}, "data": {"mode": "Enforce"}})
    view.policies.track_namespaces({"shop"}, UPTIME)
    listed(view.policies, "ClusterOOMPolicy")
    listed(view.policies, "OOMPolicy", policy())


def _loops(agent: Agent) -> Iterator[Any]:
    history: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    history.set_result(False)
    kills = agent.kills
    yield kills.deliver()
    yield kills.recorder.run(kills.kernel.queue)
    yield kills.samples.run()
    yield kills.counters.run()
    yield agent.scores.run(cast("asyncio.Task[bool]", history))
    yield agent.status.run(cast("asyncio.Task[bool]", history))
    yield agent.outlook.warnings.run()
