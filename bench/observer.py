"""A privileged pod that observes the node and its clock independently of oomwarden."""

import subprocess
import time
from dataclasses import dataclass
from typing import Any, Self

from e2e.lab import Cluster
from e2e.workloads import container, pod
from e2e.world import World, eventually

NAME, NAMESPACE = "observer", "bench"
_DONE = "--done--"


def manifest(image: str, node: str) -> dict[str, Any]:
    """Return a pod that sees the host's processes, cgroups and kernel log."""
    watcher = container("shell", image, "sleep", "100000")
    watcher["securityContext"] = {"privileged": True}
    watcher["volumeMounts"] = [{"name": "cgroup", "mountPath": "/host/cgroup"}]
    described = pod(NAMESPACE, NAME, watcher)
    described["spec"] |= {
        "hostPID": True,
        "nodeName": node,
        "volumes": [{"name": "cgroup", "hostPath": {"path": "/sys/fs/cgroup"}}],
    }
    return described


@dataclass(frozen=True)
class Clock:
    """The node's time since boot, relative to this machine's monotonic clock; seconds."""

    offset: float
    error: float

    def to_local(self, since_boot: float) -> float:
        """Convert seconds since the node's boot to this machine's monotonic clock."""
        return since_boot + self.offset


class Shell:
    """A shell on the node that stays open, so that a command takes milliseconds."""

    def __init__(self, cluster: Cluster) -> None:
        kubectl = str(cluster.programs["kubectl"])
        command = [kubectl, "exec", "-i", "-n", NAMESPACE, NAME, "--", "sh"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
            env=cluster.environment(),
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def run(self, command: str) -> list[str]:
        """Run a command on the node, and return its output lines."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the shell on the node has no pipes")
        self._process.stdin.write(f"{command}\necho {_DONE}\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.rstrip("\n") == _DONE:
                return lines
            lines.append(line.rstrip("\n"))
        raise RuntimeError(f"the shell on the node exited while it ran `{command}`")

    def printk_clock(self, tries: int = 30) -> Clock:
        """Relate the kernel log's timestamps to this machine's clock, by the quickest try."""
        best: tuple[float, float, str] | None = None
        for number in range(tries):
            mark = f"bench-mark-{number}-{time.monotonic_ns()}"
            started = time.monotonic()
            self.run(f"echo {mark} > /dev/kmsg")
            took = time.monotonic() - started
            if best is None or took < best[1]:
                best = (started, took, mark)
        if best is None:
            raise RuntimeError("printk_clock needs at least one try")
        (line,) = self.run(f"dmesg | grep {best[2]}")
        return Clock(best[0] + best[1] / 2 - stamp(line), best[1] / 2)

    def uptime_clock(self, tries: int = 30) -> Clock:
        """Relate /proc/uptime (steps of 10 ms) to this machine's clock."""
        answers: list[tuple[float, float, float]] = []
        for _ in range(tries):
            started = time.monotonic()
            (line,) = self.run("read up rest < /proc/uptime; echo $up")
            answers.append((time.monotonic() - started, started, float(line)))
        took, started, up = min(answers)
        return Clock(started + took / 2 - up, took / 2 + 0.01)


def stamp(line: str) -> float:
    """Return the timestamp of a dmesg line, in seconds since boot."""
    return float(line.partition("[")[2].partition("]")[0])


def start(world: World) -> str:
    """Create the observer's namespace and pod if needed; return the node's name."""
    node: str
    (node, *_) = [node.metadata.name for node in world.core.list_node().items]
    world.make_namespace(NAMESPACE)
    _clear_ended(world)
    world.apply(manifest(world.cluster.busybox_image, node))
    world.wait_until_running(NAMESPACE, NAME)
    return node


def _clear_ended(world: World) -> None:
    """Delete an observer of an earlier run that has ended, for example by a reboot of its node."""
    for found in world.core.list_namespaced_pod(NAMESPACE).items:
        if found.metadata.name == NAME and found.status.phase in {"Failed", "Succeeded"}:
            world.core.delete_namespaced_pod(NAME, NAMESPACE, grace_period_seconds=0)

    def gone() -> bool:
        """The ended observer is deleted."""
        listed = world.core.list_namespaced_pod(NAMESPACE).items
        return all(one.status.phase not in {"Failed", "Succeeded"} for one in listed)

    eventually(gone, 60)
