"""A node for enforcement: fake cgroups that hold real processes, children of the test."""

import sqlite3
import subprocess
from pathlib import Path
from typing import Any

from oomwarden.agent.baselines.scores import Baselines
from oomwarden.agent.enforcement.reconciler import ScoreReconciler
from oomwarden.agent.enforcement.tracked import SETTLED_SECONDS, TrackedContainer
from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.agent.informers.policies import PolicyCache
from oomwarden.agent.store.database import Database
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.oomnode import PolicyReport
from oomwarden.api.policy import QOSClass
from oomwarden.core.enforcement.scoring import Floor
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.proc.process import ProcRoot
from oomwarden.kernel.roots import HostRoots

from tests.support.fake_cgroups import UID, FakeCgroups

PROC = Path("/proc")
GIVEN = int((PROC / "self/oom_score_adj").read_text())
"""What children of the test inherit: the baseline. Nobody may go below it without root."""
TARGET, OTHER, OWN = (min(GIVEN + step, 1000) for step in (300, 400, 150))


class Node:
    """One pod's cgroup, its containers with processes, a store, and an enforcer on them."""

    def __init__(self, cgroups: FakeCgroups, store: Database, before: "Node | None" = None) -> None:
        self.cgroups, self.store = cgroups, store
        self.inventory: Inventory = before.inventory if before else Inventory(synced=True)
        self.children: list[subprocess.Popen[bytes]] = before.children if before else []
        places = HostRoots(CgroupRoot(cgroups.root), ProcRoot(PROC))
        self.baselines = Baselines(store, "boot")
        self.enforcer = ScoreReconciler(self.inventory, self.baselines, places, Floor(-500))

    @property
    def pod_path(self) -> str:
        uid = UID.format(1).replace("-", "_")
        return f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid}.slice"

    async def ready(self, mode: str = "Enforce") -> None:
        await self.baselines.load()
        self.switch(mode)
        self.enforcer.node.labels = {"zone": "a"}
        self.enforcer.namespaces.replace([{"metadata": {"name": "shop", "labels": {"t": "a"}}}])
        self.enforcer.book.want({"shop"}, 0.0)
        listed(self.enforcer.book, "ClusterOOMPolicy")

    def switch(self, mode: str) -> None:
        self.enforcer.control.apply(
            {"metadata": {"name": "oomwarden-control"}, "data": {"mode": mode}}
        )

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
        self.enforcer.news.set()
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
        self.enforcer.news.set()
        return container

    def spawn(self, path: str, score: int | None = None, title: str = "cat") -> int:
        """Start a process that waits under a name, and put it into a cgroup."""
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
        self.enforcer.news.set()

    def put(self, *manifests: dict[str, Any]) -> None:
        listed(self.enforcer.book, "OOMPolicy", *manifests)

    def scores(self, container: Container) -> list[int]:
        return [read_score(pid) for pid in self.pids(container)]

    def pids(self, container: Container) -> list[int]:
        listing = self.cgroups.root / container.cgroup.path / "cgroup.procs"
        return [int(pid) for pid in listing.read_text().split()]

    def report(self, name: str) -> PolicyReport:
        _, reports = self.enforcer.report()
        return next(report for report in reports if report.name == name)

    async def again(self) -> "Node":
        """Begin a second agent on the same processes and the same store."""
        self.enforcer.worker.close()
        following = Node(self.cgroups, self.store, self)
        for container in self.inventory.containers.values():
            container.existed = True
        await following.ready()
        return following

    def close(self) -> None:
        for child in self.children:
            child.communicate()
        self.enforcer.worker.close()


def listed(book: PolicyCache, kind: str, *manifests: dict[str, Any]) -> None:
    """Give a list of policies as the source does: one by one, then all at once."""
    fresh = book.fresh(kind)
    for manifest in manifests:
        fresh.take(manifest)
    book.sink(kind).replace([fresh])


async def later(node: Node) -> None:
    """Let the time pass after which no fork can have an older value of ours, and scan again."""
    for charge in node.enforcer._charges.values():
        charge._changed -= SETTLED_SECONDS
        charge.due = 0.0
    await node.enforcer.step()


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
    for charge in node.enforcer._charges.values():
        charge.due = 0.0
    await node.enforcer.step()


async def saved_ours(node: Node) -> list[str]:
    def read(db: sqlite3.Connection) -> list[str]:
        return [row[0] for row in db.execute("SELECT ours FROM baselines")]

    return await node.store.run(read)


def server(node: Node, *titles: str) -> tuple[Container, list[int]]:
    """A container with a process that no rule names, and others by their titles."""
    app = node.container("a", "app")
    pids = [node.spawn(app.cgroup.path, title=title) for title in titles]
    node.pod("app")
    node.learn(app)
    return app, pids


def the_charge(node: Node) -> TrackedContainer:
    (charge,) = node.enforcer._charges.values()
    return charge
