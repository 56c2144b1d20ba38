"""A node for one check: kubepods with pods, processes in them, agents that watch."""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cgroups
from agent import Agent
from cgroups import ROOT, SYSTEMD, Layout
from log_tail import a_kill_may_come, room_in_log
from patience import PATIENCE, wait_for
from told import summary, told

MIB = 1 << 20
_numbers = itertools.count(1)


class Hogs:
    """The process that starts and reaps all others."""

    def __init__(self) -> None:
        self.server = subprocess.Popen(
            [sys.executable, "hogs.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, do: str, **request: object) -> Any:  # noqa: ANN401 - whatever was asked for
        assert self.server.stdin
        assert self.server.stdout
        self.server.stdin.write(json.dumps({"do": do, **request}).encode() + b"\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())

    def wait(self, *pids: int, seconds: float = PATIENCE) -> list[int | None]:
        """Exit codes, negative for a signal; None: it lives on."""
        ended = self.ask("wait", pids=pids, seconds=seconds)
        return [ended[str(pid)] for pid in pids]


@dataclass
class Container:
    name: str
    identifier: str
    path: str
    limit: int | None
    kind: str = "App"

    def events(self) -> dict[str, int]:
        return cgroups.events(self.path)


@dataclass
class Pod:
    name: str
    uid: str
    qos: str
    path: str
    containers: dict[str, Container] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Container:
        return self.containers[name]

    def events(self) -> dict[str, int]:
        return cgroups.events(self.path)

    def facts(self) -> dict[str, Any]:
        containers = [
            {"name": c.name, "type": c.kind, "id": c.identifier, "limit": c.limit}
            for c in self.containers.values()
        ]
        uid = f"mirror-{self.uid}" if "-" not in self.uid else self.uid
        return {
            "name": self.name, "uid": uid, "cgroup_uid": self.uid, "qos": self.qos,
            "containers": containers,
        }  # fmt: skip


class World:
    """`agents` whose name begins with `log` read the kernel log, others have counters alone."""

    def __init__(self, hogs: Hogs, layout: Layout, agents: tuple[str, ...]) -> None:
        self.hogs, self.layout = hogs, layout
        self.made = {layout.kubepods, *map(layout.qos, ("burstable", "besteffort"))}
        for path in sorted(self.made):
            self._make(path)
            cgroups.write(path, "cgroup.subtree_control", "+memory")
        self.agents = [Agent(name) for name in agents]
        self.ends: dict[str, Any] = {}

    def _make(self, path: str) -> str:
        self.made.add(path)
        return cgroups.make(path)

    @property
    def kubepods(self) -> str:
        return self.layout.kubepods

    def pod(
        self, *names: str, qos: str = "burstable", uid: str = "", limit: int | None = None,
        limits: int | None = None, group: bool = True,
    ) -> Pod:  # fmt: skip
        """Make a pod with containers; `limit` in MiB, `limits` of each container."""
        number = next(_numbers)
        uid = uid or f"0a1b2c3d-0000-4000-8000-{number:012d}"
        pod = Pod(f"pod-{number}", uid, qos, self.layout.pod(qos, uid))
        self._make(pod.path)
        cgroups.write(pod.path, "cgroup.subtree_control", "+memory")
        if limit:
            cgroups.write(pod.path, "memory.max", limit * MIB)
        for name in names:
            self.container(pod, name, limits, group=group)
        self.tell(pod)
        return pod

    def declare(self, pod: Pod, name: str, limit: int | None, kind: str = "App") -> Container:
        """Give a pod a container that has no cgroup yet."""
        identifier = f"{next(_numbers):064x}"
        path = self.layout.container(pod.path, identifier)
        made = Container(name, identifier, path, limit and limit * MIB, kind)
        pod.containers[name] = made
        return made

    def create(self, container: Container, *, group: bool = True) -> None:
        self._make(container.path)
        if container.limit:
            cgroups.write(container.path, "memory.max", container.limit)
        if group:  # the kubelet's default
            cgroups.write(container.path, "memory.oom.group", 1)

    def container(
        self, pod: Pod, name: str, limit: int | None = None, *, group: bool = True
    ) -> Container:
        made = self.declare(pod, name, limit)
        self.create(made, group=group)
        return made

    def pause(self, pod: Pod) -> None:
        """The sandbox: some memory in the pod that is no container's of its spec."""
        path = self._make(self.layout.container(pod.path, f"{next(_numbers):064x}"))
        self.spawn(path, ["eat", 1], ["sleep"], adj=-998)

    def tell(self, pod: Pod) -> None:
        for agent in self.agents:
            agent.know(pod.facts())

    def spawn(
        self, path: str, *steps: list[str | int], adj: int = 0, comm: bytes = b"",
        remove: tuple[str, ...] = (),
    ) -> int:  # fmt: skip
        """Start a process in a cgroup; when it is dead, the cgroups of `remove` go at once."""
        if any(step[0] in {"eat", "hold"} for step in steps):
            a_kill_may_come()
        paths = [str(ROOT / one) for one in remove]
        pid: int = self.hogs.ask(
            "spawn", cgroup=str(ROOT / path), steps=steps, adj=adj, comm=comm.hex(), remove=paths
        )
        if steps[0] == ["sleep"]:
            _asleep(pid)
        return pid

    def fill(self, container: Container, mebibytes: int, *, adj: int = 0) -> int:
        """Start a process that stays; gives its pid once so much of its container is in use."""
        pid = self.spawn(container.path, ["eat", mebibytes], ["sleep"], adj=adj)
        end = time.monotonic() + PATIENCE
        while (used := cgroups.current(container.path)) < mebibytes * MIB:
            if time.monotonic() > end:
                raise TimeoutError(f"{container.path} holds {used} bytes")
            time.sleep(0.02)
        return pid

    def kill(
        self, container: Container, take: str = "eat", over: int = 0, *, adj: int = 0,
        comm: bytes = b"",
    ) -> int:  # fmt: skip
        """Let a new process run over the container's limit; gives its pid once it is dead."""
        over = over or 2 * (container.limit or 0) // MIB
        pid = self.spawn(container.path, [take, over], adj=adj, comm=comm)
        (code,) = self.hogs.wait(pid)
        if code != -9:
            raise AssertionError(f"the hog of {over} MiB ended with {code}")
        return pid

    def freeze(self) -> None:
        """Let the agents see nothing."""
        for agent in self.agents:
            agent.freeze()

    def thaw(self) -> None:
        for agent in self.agents:
            agent.thaw()

    def followed(self) -> None:
        """Wait until every agent watches what there is, and nothing else."""
        wanted = self.expected_watches()
        end = time.monotonic() + PATIENCE
        while (seen := [agent.watches() for agent in self.agents]) != [wanted] * len(seen):
            if time.monotonic() > end:
                raise TimeoutError(f"agents have {seen} watches, there are {wanted} to have")
            time.sleep(0.02)

    def expected_watches(self) -> int:
        """One on kubepods' counters, one on each cgroup down to the containers."""
        return 1 + sum((ROOT / path).is_dir() for path in self.made)

    def report(self) -> dict[str, Any]:
        """Wait until every agent has told what the kernel counted, and a bit more."""
        wait_for(lambda: min(map(told, self.agents)) >= self.kernel())
        time.sleep(0.3)
        found = {agent.name: summary(agent) for agent in self.agents}
        return {"kernel": self.kernel(), **found}

    def kernel(self) -> int:
        """How far the counter of kubepods rose."""
        return cgroups.events(self.kubepods)["oom_kill"]

    def end(self) -> None:
        try:
            self.ends = {agent.name: agent.stop() for agent in self.agents}
        finally:
            for agent in self.agents:
                agent.forget()
            cgroups.remove(self.kubepods.split("/")[0])


@contextmanager
def world(
    hogs: Hogs, layout: Layout = SYSTEMD, agents: tuple[str, ...] = ("log", "counters")
) -> Iterator[World]:
    room_in_log()
    made = World(hogs, layout, agents)
    try:
        yield made
    finally:
        made.end()


def _asleep(pid: int) -> None:
    """Wait until a process has all that it needs: else it asks for memory when there is none."""
    still = 0
    while still < cgroups.STILL:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        still = still + 1 if state == "S" else 0
        time.sleep(0.02)
