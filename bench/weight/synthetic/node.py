"""The whole node: pods with their cgroups and processes, services, and what happens to them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.weight.synthetic import cgroups
from bench.weight.synthetic.cgroups import Cgroups
from bench.weight.synthetic.kernel_log import KernelLog, Victim
from bench.weight.synthetic.pods import Container, Pod, pods
from bench.weight.synthetic.processes import Process, Processes, container_mounts

PODS, TWO_CONTAINERS, TWO_PROCESSES = 110, 37, 43
"""147 containers and 110 pause containers: 257 cgroups; 190 and 110 processes: 300."""
_SERVICES = (
    "kubelet", "containerd", "systemd-journald", "systemd-udevd", "systemd-logind", "ssh", "cron",
    "dbus", "chrony", "rsyslog", "node-problem-detector", "unattended-upgrades",
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A container of a pod."""

    pod: Pod
    container: Container

    @property
    def path(self) -> str:
        """The path of its cgroup."""
        above = cgroups.pod_slice(self.pod.qos, self.pod.uid)
        return f"{above}/{cgroups.scope(self.container.id_in(self.pod.uid))}"


class Node:
    """The node below a directory; it changes at once and returns what the API server would have."""

    def __init__(self, directory: Path, full: Sequence[Pod] | None = None) -> None:
        """Make the node.

        Args:
            directory: An empty directory.
            full: The pods that run on it; None for those of a full node.
        """
        self.cgroups = Cgroups(directory / "cgroup", directory / "staging")
        self.processes = Processes(directory / "proc")
        self.log = KernelLog(directory / "kernel.log")
        self.pods: dict[int, Pod] = {}
        self._pids: dict[str, tuple[int, ...]] = {}
        self.cgroups.make("system.slice")
        for name in _SERVICES:
            self._make_service(name)
        for pod in pods(PODS, TWO_CONTAINERS, TWO_PROCESSES) if full is None else full:
            self.start_pod(pod)

    def _make_service(self, name: str) -> None:
        path, pid = f"system.slice/{name}.service", self.processes.next_pid()
        command, score = f"/usr/bin/{name}\0", -999 if name in _SERVICES[:2] else 0
        self.processes.start(Process(pid, name[:15], command, score, path))
        self.cgroups.make(path, pids=(pid,))

    def start_pod(self, pod: Pod) -> None:
        """Start a pod with its pause container."""
        above = cgroups.pod_slice(pod.qos, pod.uid)
        self.cgroups.make(above, pod.limit and pod.limit * len(pod.containers))
        self._start(Place(pod, Container("pause")), "/pause\0", -998)
        for each in pod.containers:
            self.start_container(Place(pod, each))
        self.pods[pod.number] = pod

    def end_pod(self, pod: Pod) -> None:
        """Remove a pod with all of its containers."""
        for each in (Container("pause"), *pod.containers):
            self._end(Place(pod, each))
        self.cgroups.vanish(cgroups.pod_slice(pod.qos, pod.uid))
        del self.pods[pod.number]

    def start_container(self, place: Place) -> None:
        """Start a container."""
        self._start(place, f"worker: {place.pod.tier}\0", place.pod.score)

    def _start(self, place: Place, command: str, score: int) -> None:
        container, uid = place.container, place.pod.uid
        pids = tuple(self.processes.next_pid() for _ in range(container.processes))
        for index, pid in enumerate(pids):
            text = command if index or command == "/pause\0" else f"/usr/bin/{container.name}\0"
            mounts = container_mounts(pid, uid, container.name)
            if container.name == "pause":
                mounts = mounts.partition("/etc-hosts")[0].rpartition("\n")[0] + "\n"
            comm = container.name[:15]
            self.processes.start(Process(pid, comm, text, score, place.path, mounts))
        limit = None if container.name == "pause" else place.pod.limit
        self.cgroups.make(place.path, limit, pids)
        self._pids[place.path] = pids

    def kill(self, place: Place) -> None:
        """Kill a container's processes at its limit: counted first, then printed."""
        pids, name = self._pids[place.path], place.container.name[:15]
        self.cgroups.count_group_kill(place.path, len(pids))
        self.log.group_kill(place.path, [Victim(pid, name, place.pod.score) for pid in pids])
        for pid in pids:
            self.processes.exit(pid)
        self.cgroups.empty(place.path)

    def remove_container(self, place: Place) -> Pod:
        """Remove a killed container's cgroup; return the pod in which it has ended."""
        self._end(place, exited=True)
        return self._update(place.pod.number, place.container, place.container.name)

    def restart_container(self, place: Place) -> Pod:
        """Start a killed container again; return its pod."""
        again = replace(place.container, restarts=place.container.restarts + 1)
        pod = self._update(place.pod.number, again)
        self.start_container(Place(pod, again))
        return pod

    def _update(self, number: int, container: Container, killed: str = "") -> Pod:
        pod = self.pods[number].with_container(container, killed)
        self.pods[number] = pod
        return pod

    def _end(self, place: Place, *, exited: bool = False) -> None:
        for pid in self._pids.pop(place.path):
            if not exited:
                self.processes.exit(pid)
        self.cgroups.vanish(place.path)

    def places(self) -> list[Place]:
        """Return all containers but the pause containers."""
        return [Place(pod, each) for pod in self.pods.values() for each in pod.containers]
