"""One agent's detection and recording on a fake cgroup tree, with real inotify and SQLite."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from oomwarden.agent.delivery import outbox
from oomwarden.agent.detection.batch import Batch
from oomwarden.agent.detection.detector import Detector, into_queue
from oomwarden.agent.detection.kernel_log import KernelLogReader
from oomwarden.agent.informers.inventory import Inventory
from oomwarden.agent.metrics.container_counters import ContainerCounters
from oomwarden.agent.recording.recorder import Recorder
from oomwarden.agent.recording.settler import NodeIdentity, Settler
from oomwarden.agent.store.counters import counts
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.ledger.rebuild import RecordedKills
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.quota.pressure import CALM
from oomwarden.core.records.outbox_row import OutboxRow
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.kubepods import find_kubepods
from oomwarden.kernel.container.memory import read_charged_memory
from oomwarden.kube.http.failures import ConnectError

from tests.support.fake_cgroups import UID, FakeCgroups
from tests.support.stores import store_at


class Nesting:
    nested = False


class RecorderNode:
    """A fake node; each call of `agent` starts an agent on the same store."""

    def __init__(self, tmp_path: Path, cgroups: FakeCgroups) -> None:
        self.cgroups = cgroups
        self.path = tmp_path / "store.sqlite"
        self.pods: dict[str, PodFacts] = {}
        self.log = b""
        self.log_readable = True
        self.after_kills: Callable[[], None] = lambda: None  # before the next read
        self.known = RecordedKills()
        self.away = False
        self.agents: tuple[PodFacts, ...] = ()
        self.detector: Detector | None = None
        self.inventory = Inventory()  # of the last agent
        self.counters: ContainerCounters  # likewise

    async def recorded(self) -> RecordedKills:
        if self.away:
            raise ConnectError("away")
        return self.known

    def read_log(self, _known: bytes) -> bytes:
        if not self.log_readable:
            raise PermissionError(1, "Operation not permitted")
        return self.log

    def held_up(self, deliver: Callable[[Batch], None]) -> Callable[[Batch], None]:
        def deliver_and_wait(batch: Batch) -> None:
            deliver(batch)
            if any(reading.events.oom_kill for reading in batch.readings):
                self.after_kills()

        return deliver_and_wait

    def add_pod(self, number: int, **containers: str) -> None:
        uid = UID.format(number)
        known = tuple(
            ContainerFacts(name, ContainerType.APP, digit * 64)
            for name, digit in containers.items()
        )
        self.pods[uid] = PodFacts(
            uid, uid, "shop", f"pod-{number}", {}, QOSClass.BURSTABLE, containers=known,
            created="2026-01-02T00:00:00Z",
        )  # fmt: skip

    def start_pod(self, number: int, **containers: str) -> tuple[str, str]:
        """Add a pod, and the cgroup of its first container; return the paths of both cgroups."""
        pod = self.cgroups.pod(number)
        self.add_pod(number, **containers)
        return pod, self.cgroups.container(pod, next(iter(containers.values())))

    async def record_group_kill(self, app: str) -> None:
        """Count a group kill while an agent runs, which records it."""
        async with self.agent() as rows:
            self.cgroups.group_kill(app)
            await rows(1)

    async def count(self, what: str) -> int:
        store = store_at(self.path)
        await store.open()
        try:
            return (await store.run(counts)).get(what, 0)
        finally:
            await store.close()

    @asynccontextmanager
    async def agent(self) -> AsyncIterator[Callable[[int], Awaitable[list[OutboxRow]]]]:
        store = store_at(self.path)
        await store.open()
        inventory = self.inventory = Inventory(synced=True, pods=self.pods)
        root, enqueued = CgroupRoot(self.cgroups.root), asyncio.Event()
        settler = Settler(
            NodeIdentity("node-1", "boot", Nesting(), self.agents), Ledger(), inventory,
            KernelLogReader(self.read_log), lambda _: None, partial(read_charged_memory, root),
        )  # fmt: skip
        self.counters = ContainerCounters(inventory, store)
        await self.counters.load()
        recorder = Recorder(
            settler, store, root, self.recorded, lambda: CALM, enqueued.set,
            (self.counters.kill_recorded,),
        )  # fmt: skip
        queue: asyncio.Queue[Batch] = asyncio.Queue()
        kubepods = find_kubepods(root)
        assert kubepods is not None
        loop = asyncio.get_running_loop()
        detector = Detector(root, kubepods, self.held_up(into_queue(loop, queue)))
        self.detector = detector
        detector.start(lambda: None)
        task = asyncio.create_task(recorder.run(queue))

        async def rows(count: int) -> list[OutboxRow]:
            while True:
                keys = await store.run(outbox.pending)
                if len(keys) >= count:
                    return await store.run(partial(outbox.load_rows, keys=keys))
                enqueued.clear()
                await asyncio.wait_for(enqueued.wait(), 10)

        try:
            while recorder.progress == 0:
                assert not task.done(), task.exception()
                await asyncio.sleep(0.01)
            yield rows
        finally:
            detector.stop()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await store.close()
        assert detector.error is None


def logged(path: str, pid: int, stamp: str) -> bytes:
    victim = (
        f"<3>[ {stamp}] Memory cgroup out of memory: Killed process {pid} (hog) total-vm:1kB, "
        "anon-rss:1kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:1kB oom_score_adj:992\n"
    )
    group = f"<6>[ {stamp}] Tasks in /{path} are going to be killed due to memory.oom.group set\n"
    return (victim + group + victim).encode()
