"""A privileged pod beside the product: an independent view of the node, and of its clock."""

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
    """Describe a pod that sees the host's processes, cgroups and kernel log."""
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
    """The node's time since boot against this machine's monotonic clock."""

    offset: float
    error: float

    def here(self, since_boot: float) -> float:
        """Turn seconds since the node's boot into this machine's monotonic seconds."""
        return since_boot + self.offset


class Shell:
    """One shell on the node, kept open so that a question costs milliseconds."""

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

    def ask(self, command: str) -> list[str]:
        """Run a command on the node and give its lines."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the shell has no pipes")
        self._process.stdin.write(f"{command}\necho {_DONE}\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.rstrip("\n") == _DONE:
                return lines
            lines.append(line.rstrip("\n"))
        raise RuntimeError(f"the shell on the node ended before it answered `{command}`")

    def printk_clock(self, tries: int = 30) -> Clock:
        """Set the kernel log's stamps against this machine's clock: the quickest of some tries."""
        best: tuple[float, float, str] | None = None
        for number in range(tries):
            mark = f"bench-mark-{number}-{time.monotonic_ns()}"
            asked = time.monotonic()
            self.ask(f"echo {mark} > /dev/kmsg")
            took = time.monotonic() - asked
            if best is None or took < best[1]:
                best = (asked, took, mark)
        if best is None:
            raise RuntimeError("no try was made")
        (line,) = self.ask(f"dmesg | grep {best[2]}")
        return Clock(best[0] + best[1] / 2 - stamp(line), best[1] / 2)

    def uptime_clock(self, tries: int = 30) -> Clock:
        """Set /proc/uptime (steps of 10 ms) against this machine's clock."""
        answers: list[tuple[float, float, float]] = []
        for _ in range(tries):
            asked = time.monotonic()
            (line,) = self.ask("read up rest < /proc/uptime; echo $up")
            answers.append((time.monotonic() - asked, asked, float(line)))
        took, asked, up = min(answers)
        return Clock(asked + took / 2 - up, took / 2 + 0.01)


def stamp(line: str) -> float:
    """Read the stamp of a line of dmesg, in seconds since boot."""
    return float(line.partition("[")[2].partition("]")[0])


def start(world: World) -> str:
    """Create the observer's namespace and pod once; give its node's name."""
    node: str
    (node, *_) = [node.metadata.name for node in world.core.list_node().items]
    world.make_namespace(NAMESPACE)
    _clear_ended(world)
    world.apply(manifest(world.cluster.busybox_image, node))
    world.running(NAMESPACE, NAME)
    return node


def _clear_ended(world: World) -> None:
    """Take away an observer of an earlier run that has ended, as when its node was rebooted."""
    for found in world.core.list_namespaced_pod(NAMESPACE).items:
        if found.metadata.name == NAME and found.status.phase in {"Failed", "Succeeded"}:
            world.core.delete_namespaced_pod(NAME, NAMESPACE, grace_period_seconds=0)

    def gone() -> bool:
        """The ended observer is gone."""
        listed = world.core.list_namespaced_pod(NAMESPACE).items
        return all(one.status.phase not in {"Failed", "Succeeded"} for one in listed)

    eventually(gone, 60)
