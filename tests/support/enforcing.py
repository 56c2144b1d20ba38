"""A node for enforcement: fake cgroups with real processes, children of the test."""

import asyncio
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace
from oomwarden.agent.enforcement.caps import Caps
from oomwarden.agent.enforcement.scan_schedule import SETTLED_SECONDS
from oomwarden.agent.enforcement.tracked import TrackedContainer
from oomwarden.agent.flows.node import Node as Parts
from oomwarden.agent.flows.scores import ScoreFlow
from oomwarden.agent.informers.inventory import Container
from oomwarden.agent.informers.policies import PolicyCache
from oomwarden.agent.reporting.policy_reports import PolicyReporter
from oomwarden.agent.runtime.settings import Settings, from_environment
from oomwarden.agent.store.database import Database
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.oomnode import Applied, PolicyReport
from oomwarden.api.policy import QOSClass
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.model.pod import ContainerFacts, PodFacts

from tests.support.fake_cgroups import UID, FakeCgroups

PROC = Path("/proc")
GIVEN = int((PROC / "self/oom_score_adj").read_text())
"""The score that children of the test inherit: the baseline. Only root may go below it."""
TARGET, OTHER, OWN = (min(GIVEN + step, 1000) for step in (300, 400, 150))


if TYPE_CHECKING:
    from oomwarden.kube.transport.client import Client

SETTINGS = from_environment({
    "NODE_NAME": "n", "POD_NAMESPACE": "oomwarden", "OOMWARDEN_NAMESPACED_FLOOR": "-500",
    "OOMWARDEN_PROCESSES_PER_SECOND": "0", "OOMWARDEN_NEW_PODS_PER_MINUTE": "0",
})  # fmt: skip
NO_CLIENT = cast("Client", None)
"""Tests of this node use no API server."""


class Node:
    """One pod's cgroup, its containers with processes, a store, and the agent's own score flow."""

    def __init__(
        self,
        cgroups: FakeCgroups,
        store: Database,
        before: "Node | None" = None,
        settings: Settings | None = None,
    ) -> None:
        self.cgroups, self.store = cgroups, store
        self.children: list[subprocess.Popen[bytes]] = before.children if before else []
        self.settings = replace(settings or SETTINGS, cgroup_root=cgroups.root)
        self.parts = Parts(self.settings, store, NO_CLIENT)
        self.inventory = self.parts.inventory
        self.inventory.synced = True
        if before:
            self.inventory.containers = before.inventory.containers
            self.inventory.pods = before.inventory.pods
        self.view, self.changed = self.parts.view, self.parts.signals.containers
        self.flow = ScoreFlow(self.parts)
        self.baselines, self.tracker = self.flow.baselines, self.flow.tracker
        self.scores, self.scanner = self.flow.scores, self.flow.scanner
        self.groups, self.requests = self.flow.groups, self.flow.requests
        self.reporter = PolicyReporter(
            self.tracker, self.baselines, self.groups, self.requests, lambda *_: ()
        )

    def cap(self, processes: int, pods: int, clock: Callable[[], float]) -> Caps:
        """Bound what may be changed at a time, by a clock of the test's own."""
        caps = Caps(processes, pods, clock)
        self.scores.caps = self.scanner.caps = self.requests.caps = caps
        return caps

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def wait_until_due(self) -> None:
        """Have every container scanned at the next step."""
        for tracked in self.tracker.containers.values():
            tracked.schedule.due = 0.0

    @property
    def pod_path(self) -> str:
        uid = UID.format(1).replace("-", "_")
        return f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid}.slice"

    async def ready(self, mode: str = "Enforce") -> None:
        await self.baselines.begin(store_lost=False)
        self.switch(mode)
        self.view.node.labels = {"zone": "a"}
        self.view.namespaces.replace([{"metadata": {"name": "shop", "labels": {"t": "a"}}}])
        self.view.policies.track_namespaces({"shop"}, 0.0)
        listed(self.view.policies, "ClusterOOMPolicy")

    def switch(self, mode: str) -> None:
        self.view.mode.apply({"metadata": {"name": "oomwarden-control"}, "data": {"mode": mode}})

    def pod(self, *names: str, labels: dict[str, str] | None = None) -> PodFacts:
        uid = UID.format(1)
        containers = tuple(
            ContainerFacts(name, ContainerType.APP, digit * 64)
            for name, digit in zip(names, "abcdef", strict=False)
        )
        pod = PodFacts(
            uid, uid, "shop", "db-0", labels or {"app": "db"}, QOSClass.BURSTABLE,
            containers=containers,
        )  # fmt: skip
        self.inventory.pods[uid] = pod
        self.changed.set()
        return pod

    def container(
        self, digit: str, name: str, processes: int = 1, *, existed: bool = False
    ) -> Container:
        path = f"{self.pod_path}/cri-containerd-{digit * 64}.scope"
        if not (self.cgroups.root / path).exists():
            self.cgroups.make(path)
        inode = (self.cgroups.root / path).stat().st_ino
        cgroup = Cgroup(inode, path, Level.CONTAINER, UID.format(1), digit * 64)
        container = Container(cgroup, 0.0, name, existed=existed)
        self.inventory.containers[inode] = container
        for _ in range(processes):
            self.spawn(path)
        self.changed.set()
        return container

    def spawn(self, path: str, score: int | None = None, title: str = "cat") -> int:
        """Start a waiting process with a title, and put it into a cgroup."""
        child = subprocess.Popen(
            [title], executable="cat", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        self.children.append(child)
        while not (PROC / f"{child.pid}/cmdline").read_bytes():  # in the middle of exec
            continue
        if score is not None:
            write_score(child.pid, score)
        with (self.cgroups.root / path / "cgroup.procs").open("a") as procs:
            procs.write(f"{child.pid}\n")
        return child.pid

    def learn(self, container: Container, score: int = GIVEN) -> None:
        self.baselines.learn(container, score)
        self.changed.set()

    def put(self, *manifests: dict[str, Any]) -> None:
        listed(self.view.policies, "OOMPolicy", *manifests)

    def scores_of(self, container: Container) -> list[int]:
        return [read_score(pid) for pid in self.pids(container)]

    def pids(self, container: Container) -> list[int]:
        listing = self.cgroups.root / container.cgroup.path / "cgroup.procs"
        return [int(pid) for pid in listing.read_text().split()]

    def reported(self) -> tuple[Applied, tuple[PolicyReport, ...]]:
        """What OOMNode says, with the limits as they are evaluated now."""
        self.requests.evaluate()
        found = self.reporter.report()
        return found.applied, found.policies

    def report(self, name: str) -> PolicyReport:
        _, reports = self.reported()
        return next(report for report in reports if report.name == name)

    async def again(self) -> "Node":
        """Start a second agent on the same processes and the same store."""
        self.scanner.worker.close()
        following = Node(self.cgroups, self.store, self, self.settings)
        for container in self.inventory.containers.values():
            container.existed = True
        await following.ready()
        return following

    def close(self) -> None:
        for child in self.children:
            child.communicate()
        self.scanner.worker.close()


def listed(book: PolicyCache, kind: str, *manifests: dict[str, Any]) -> None:
    """Deliver a list of policies as the source does: one by one, then all together."""
    fresh = book.begin_list(kind)
    for manifest in manifests:
        fresh.add(manifest)
    book.event_handler(kind).replace([fresh])


async def after_settling(node: Node) -> None:
    """Scan again when no fork can still have an earlier score set by oomwarden."""
    for tracked in node.tracker.containers.values():
        tracked.schedule._changed_at -= SETTLED_SECONDS
    await scan_again(node)


def read_score(pid: int) -> int:
    return int((PROC / f"{pid}/oom_score_adj").read_text())


def write_score(pid: int, score: int) -> None:
    (PROC / f"{pid}/oom_score_adj").write_text(str(score))


def policy(name: str = "protect", score: int = TARGET, **spec: object) -> dict[str, Any]:
    rule = spec.pop("rule", {"oomScoreAdj": score})
    return {
        "metadata": {"name": name, "namespace": "shop", "generation": 1},
        "spec": {"podSelector": {}, "rules": [rule], **spec},
    }


async def scan_again(node: Node) -> None:
    node.wait_until_due()
    await node.scores.step()


async def saved_ours(node: Node) -> list[str]:
    def read(db: sqlite3.Connection) -> list[str]:
        return [row[0] for row in db.execute("SELECT ours FROM baselines")]

    return await node.store.run(read)


def server(node: Node, *titles: str) -> tuple[Container, list[int]]:
    """Create a container with one process per title."""
    app = node.container("a", "app")
    pids = [node.spawn(app.cgroup.path, title=title) for title in titles]
    node.pod("app")
    node.learn(app)
    return app, pids


def the_container(node: Node) -> TrackedContainer:
    (tracked,) = node.tracker.containers.values()
    return tracked
