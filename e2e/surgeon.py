"""Hands on the node, for faults and for a count that is not the product's own."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from e2e.open_shell import OpenShell
from e2e.workloads import container, pod
from e2e.world import World, eventually

NAMESPACE, NAME = "oomwarden-surgeon", "surgeon"
_PODS = "find /sys/fs/cgroup/kubepods* -maxdepth 2 -type d"
_POD_CGROUP = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})")
_COUNT = "cat /sys/fs/cgroup/kubepods*/memory.events | sed -n 's/^oom_kill //p'"


@dataclass
class Surgeon:
    """A privileged pod that runs commands as the node's own root."""

    world: World

    def __post_init__(self) -> None:
        enter = ("nsenter", "-t", "1", "-m", "-u", "-n", "-i", "--", "sh")
        self._shell = OpenShell(self.world.cluster, ("-n", NAMESPACE, NAME, "--", *enter))

    def begin(self) -> None:
        """Start the pod, unless it is there."""
        self.world.make_namespace(NAMESPACE)
        image = self.world.cluster.busybox_image
        hands = container("hands", image, "sleep", "1000000")
        hands["securityContext"] = {"privileged": True}
        manifest = pod(NAMESPACE, NAME, hands, restart="Always")
        manifest["spec"] |= {"hostPID": True, "priorityClassName": "system-node-critical"}
        self.world.apply(manifest)
        self.world.running(NAMESPACE, NAME)

    def end(self) -> None:
        """Take the pod away."""
        self._shell.end()
        self.world.core.delete_namespace(NAMESPACE, grace_period_seconds=0)

    def on_node(self, script: str) -> str:
        """Run a shell script in the node's own namespaces.

        Raises:
            CommandError: it failed.
        """
        return self._shell.ask(script)

    def soon(self, script: str) -> None:
        """Run a script in a second, when this connection through the kubelet may end."""
        self.on_node(f"systemd-run --collect --on-active=1 sh -c '{script}'")

    def cut_off(self, seconds: int) -> None:
        """Let no packet of the node reach the API server, from a moment later on."""
        change = f"for ip in {self._api_servers()}; do ip route $change blackhole $ip; done"
        script = f"change=add; {change}; sleep {seconds}; change=del; {change}"
        self.on_node(f"(sleep 1; {script}) >/dev/null 2>&1 &")

    def _api_servers(self) -> str:
        where = "{.endpoints[*].addresses[*]}"
        slices = ("endpointslices", "-n", "default", "-l", "kubernetes.io/service-name=kubernetes")
        items = "jsonpath={range .items[*]}" + where + "{' '}{end}"
        return self.world.cluster.kubectl("get", *slices, "-o", items).strip()

    def kill_agents(self, pauses: Iterable[float] = (0.0,), then: str = ":") -> int:
        """Send SIGKILL to every agent process after each pause; gives how many there were.

        `then` is done on the node before another agent can begin.
        """
        find = "grep -la '[b]in/oomwarden-agent' /proc/[0-9]*/cmdline | cut -d/ -f3"
        kill = f"for p in $({find}); do kill -KILL $p && echo $p; done"
        times = " ".join(f"{pause:.2f}" for pause in pauses)
        return len(self.on_node(f"for s in {times}; do sleep $s; {kill}; done; {then}").split())

    def kernel_kills(self) -> int:
        """Read the kernel's own count of kills below kubepods."""
        return int(self.on_node(_COUNT))

    def wait_for_the_deleted(self) -> None:
        """Wait until no pod runs that the API server has forgotten: it was deleted by force."""

        def ended() -> bool:
            """No pod's cgroup is there but those of pods that the API server knows."""
            found = set(_POD_CGROUP.findall(self.on_node(_PODS)))
            pods = self.world.core.list_pod_for_all_namespaces().items
            return {each.replace("_", "-") for each in found} <= {p.metadata.uid for p in pods}

        eventually(ended, 120)

    def node(self) -> str:
        """Name the node."""
        return str(self.world.pod(NAMESPACE, NAME).spec.node_name)


@dataclass
class Balance:
    """Compares what the kernel counts with what the API server was told, since it `began`."""

    surgeon: Surgeon
    namespace: str

    def __post_init__(self) -> None:
        self.surgeon.world.alone(self.namespace)
        self.surgeon.wait_for_the_deleted()
        self.began = self.surgeon.kernel_kills()
        self._unplaced = self._counted()

    def _counted(self) -> int:
        report = self.surgeon.world.node_report(self.surgeon.node())
        return int(report["status"]["kills"].get("unattributed", 0))

    def told(self) -> int:
        """Sum up the ranges of the namespace's records."""
        kills = self.surgeon.world.kills(self.namespace)
        return sum(kill["evidence"]["to"] - kill["evidence"]["from"] for kill in kills)

    def missing(self) -> int:
        """Count kills that are in no record yet; below 0: something was told twice."""
        return self.surgeon.kernel_kills() - self.began - self.told()

    def check(self, pods: int, seconds: float = 120) -> None:
        """Every kill is told, once, in the record of its own pod, and none was given up."""
        world = self.surgeon.world

        def complete() -> bool:
            """As many pods have a record as were killed, and the sums agree."""
            named = {kill["pod"]["name"] for kill in world.kills(self.namespace)}
            return len(named) >= pods and self.missing() == 0

        try:
            eventually(complete, seconds, every=2)
        finally:
            now = self._counted()
            print(f"kernel minus told: {self.missing()}; unplaced: {self._unplaced} -> {now}")
            print(world.node_report(self.surgeon.node())["status"]["kills"])
        assert self._counted() == self._unplaced
        self._check_ranges()

    def _check_ranges(self) -> None:
        spans: dict[tuple[str, int, int], list[tuple[int, int]]] = {}
        for kill in self.surgeon.world.kills(self.namespace):
            evidence = kill["evidence"]
            key = (evidence["bootID"], evidence["cgroup"], evidence.get("epoch", 0))
            spans.setdefault(key, []).append((evidence["from"], evidence["to"]))
        for ranges in spans.values():
            ordered = sorted(ranges)
            ends = [end for _, end in ordered[:-1]]
            starts = [start for start, _ in ordered[1:]]
            assert all(end <= start for end, start in zip(ends, starts, strict=True)), ordered
