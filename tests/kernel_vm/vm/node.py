"""A node for one check: kubepods with pods and processes, and agents that watch them."""

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
from log_tail import note_possible_kill, wait_for_log_budget
from patience import PATIENCE, wait_for
from summary import recorded_kills, summary

MIB = 1 << 20
_numbers = itertools.count(1)


class Hogs:
    """The client of the process that starts and reaps all others."""

    def __init__(self) -> None:
        self.server = subprocess.Popen(
            [sys.executable, "hogs.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, do: str, **request: object) -> Any:  # noqa: ANN401 - depends on the request
        assert self.server.stdin
        assert self.server.stdout
        self.server.stdin.write(json.dumps({"do": do, **request}).encode() + b"\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())

    def wait(self, *pids: int, seconds: float = PATIENCE) -> list[int | None]:
        """Return exit codes, negative for a signal; None for a process that still runs."""
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


class KernelNode:
    """The node; agents named `log...` read the kernel log, others only the counters."""

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
        """Create a pod; `limit` is the pod's and `limits` each container's memory limit, in MiB."""
        number = next(_numbers)
        uid = uid or f"0a1b2c3d-0000-4000-8000-{number:012d}"
        pod = Pod(f"pod-{number}", uid, qos, self.layout.pod(qos, uid))
        self._make(pod.path)
        cgroups.write(pod.path, "cgroup.subtree_control", "+memory")
        if limit:
            cgroups.write(pod.path, "memory.max", limit * MIB)
        for name in names:
            self.container(pod, name, limits, group=group)
        self.announce(pod)
        return pod

    def declare(self, pod: Pod, name: str, limit: int | None, kind: str = "App") -> Container:
        """Add a container without a cgroup to a pod."""
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
        """Start the sandbox, which uses memory of the pod outside the containers of its spec."""
        path = self._make(self.layout.container(pod.path, f"{next(_numbers):064x}"))
        self.spawn(path, ["eat", 1], ["sleep"], adj=-998)

    def announce(self, pod: Pod) -> None:
        for agent in self.agents:
            agent.add_pod(pod.facts())

    def spawn(
        self, path: str, *steps: list[str | int], adj: int = 0, comm: bytes = b"",
        remove: tuple[str, ...] = (),
    ) -> int:  # fmt: skip
        """Start a process in a cgroup; the cgroups of `remove` are removed when it has died."""
        if any(step[0] in {"eat", "hold"} for step in steps):
            note_possible_kill()
        paths = [str(ROOT / one) for one in remove]
        pid: int = self.hogs.ask(
            "spawn", cgroup=str(ROOT / path), steps=steps, adj=adj, comm=comm.hex(), remove=paths
        )
        if steps[0] == ["sleep"]:
            _wait_until_asleep(pid)
        return pid

    def fill(self, container: Container, mebibytes: int, *, adj: int = 0) -> int:
        """Start a process that keeps memory in use, and return its pid once it has allocated it."""
        pid = self.spawn(container.path, ["eat", mebibytes], ["sleep"], adj=adj)
        end = time.monotonic() + PATIENCE
        while (used := cgroups.current(container.path)) < mebibytes * MIB:
            if time.monotonic() > end:
                raise TimeoutError(f"{container.path} uses {used} bytes")
            time.sleep(0.02)
        return pid

    def kill(
        self, container: Container, step: str = "eat", over: int = 0, *, adj: int = 0,
        comm: bytes = b"",
    ) -> int:  # fmt: skip
        """Let a new process exceed the container's limit, and return its pid once it is dead."""
        over = over or 2 * (container.limit or 0) // MIB
        pid = self.spawn(container.path, [step, over], adj=adj, comm=comm)
        (code,) = self.hogs.wait(pid)
        if code != -9:
            raise AssertionError(f"the hog of {over} MiB ended with {code}")
        return pid

    def freeze(self) -> None:
        """Stop the agents with SIGSTOP."""
        for agent in self.agents:
            agent.freeze()

    def thaw(self) -> None:
        for agent in self.agents:
            agent.thaw()

    def wait_until_followed(self) -> None:
        """Wait until every agent watches exactly the existing cgroups."""
        wanted = self.expected_watches()
        end = time.monotonic() + PATIENCE
        while (seen := [agent.watches() for agent in self.agents]) != [wanted] * len(seen):
            if time.monotonic() > end:
                raise TimeoutError(f"agents have {seen} watches instead of {wanted}")
            time.sleep(0.02)

    def expected_watches(self) -> int:
        """Return the expected watches: kubepods' counters, and each cgroup down to containers."""
        return 1 + sum((ROOT / path).is_dir() for path in self.made)

    def report(self) -> dict[str, Any]:
        """Wait until every agent has recorded what the kernel counted, and a bit longer."""
        wait_for(lambda: min(map(recorded_kills, self.agents)) >= self.kernel())
        time.sleep(0.3)
        found = {agent.name: summary(agent) for agent in self.agents}
        return {"kernel": self.kernel(), **found}

    def kernel(self) -> int:
        """Return the kill counter of kubepods."""
        return cgroups.events(self.kubepods)["oom_kill"]

    def end(self) -> None:
        try:
            self.ends = {agent.name: agent.stop() for agent in self.agents}
        finally:
            for agent in self.agents:
                agent.delete_files()
            cgroups.remove(self.kubepods.split("/")[0])


@contextmanager
def fresh_node(
    hogs: Hogs, layout: Layout = SYSTEMD, agents: tuple[str, ...] = ("log", "counters")
) -> Iterator[KernelNode]:
    wait_for_log_budget()
    made = KernelNode(hogs, layout, agents)
    try:
        yield made
    finally:
        made.end()


def _wait_until_asleep(pid: int) -> None:
    """Wait until a process sleeps; otherwise it may request memory when there is none."""
    still = 0
    while still < cgroups.STABLE_READS:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        still = still + 1 if state == "S" else 0
        time.sleep(0.02)
