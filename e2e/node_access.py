"""Access to the node, to cause faults and to count kills independently of the product."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from e2e.persistent_shell import PersistentShell
from e2e.workloads import container, pod
from e2e.world import World, eventually

NAMESPACE, NAME = "oomwarden-node-access", "node-access"
_PODS = "find /sys/fs/cgroup/kubepods* -maxdepth 2 -type d"
_POD_CGROUP = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})")
_COUNT = "cat /sys/fs/cgroup/kubepods*/memory.events | sed -n 's/^oom_kill //p'"


@dataclass
class NodeAccess:
    """A privileged pod that runs commands as root on the node."""

    world: World

    def __post_init__(self) -> None:
        enter = ("nsenter", "-t", "1", "-m", "-u", "-n", "-i", "--", "sh")
        self._shell = PersistentShell(self.world.cluster, ("-n", NAMESPACE, NAME, "--", *enter))

    def start(self) -> None:
        """Start the pod, unless it exists."""
        self.world.make_namespace(NAMESPACE)
        image = self.world.cluster.busybox_image
        shell = container("shell", image, "sleep", "1000000")
        shell["securityContext"] = {"privileged": True}
        manifest = pod(NAMESPACE, NAME, shell, restart="Always")
        manifest["spec"] |= {"hostPID": True, "priorityClassName": "system-node-critical"}
        self.world.apply(manifest)
        self.world.wait_until_running(NAMESPACE, NAME)

    def stop(self) -> None:
        """Delete the pod."""
        self._shell.close()
        self.world.core.delete_namespace(NAMESPACE, grace_period_seconds=0)

    def run(self, script: str) -> str:
        """Run a shell script in the node's own namespaces and return its output.

        Raises:
            CommandError: The script failed.
        """
        return self._shell.run(script)

    def run_soon(self, script: str) -> None:
        """Run a script after a second, for scripts that end this connection through the kubelet."""
        self.run(f"systemd-run --collect --on-active=1 sh -c '{script}'")

    def block_api_server(self, seconds: int) -> None:
        """Drop the node's packets to the API server for a while, starting in a second."""
        change = f"for ip in {self._api_servers()}; do ip route $change blackhole $ip; done"
        script = f"change=add; {change}; sleep {seconds}; change=del; {change}"
        self.run(f"(sleep 1; {script}) >/dev/null 2>&1 &")

    def _api_servers(self) -> str:
        where = "{.endpoints[*].addresses[*]}"
        slices = ("endpointslices", "-n", "default", "-l", "kubernetes.io/service-name=kubernetes")
        items = "jsonpath={range .items[*]}" + where + "{' '}{end}"
        return self.world.cluster.kubectl("get", *slices, "-o", items).strip()

    def kill_agents(self, pauses: Iterable[float] = (0.0,), then: str = ":") -> int:
        """Send SIGKILL to every agent process after each pause.

        Args:
            pauses: Seconds to wait before each round.
            then: A script that runs on the node before another agent can start.

        Returns:
            The number of processes that were killed.
        """
        find = "grep -la '[b]in/oomwarden-agent' /proc/[0-9]*/cmdline | cut -d/ -f3"
        kill = f"for p in $({find}); do kill -KILL $p && echo $p; done"
        times = " ".join(f"{pause:.2f}" for pause in pauses)
        return len(self.run(f"for s in {times}; do sleep $s; {kill}; done; {then}").split())

    def kernel_kills(self) -> int:
        """Return the kernel's count of kills below kubepods."""
        return int(self.run(_COUNT))

    def wait_for_deleted_pods(self) -> None:
        """Wait until pods that were force-deleted from the API server no longer run."""

        def ended() -> bool:
            """Only pods that the API server knows have a cgroup."""
            found = set(_POD_CGROUP.findall(self.run(_PODS)))
            pods = self.world.core.list_pod_for_all_namespaces().items
            return {each.replace("_", "-") for each in found} <= {p.metadata.uid for p in pods}

        eventually(ended, 120)

    def node_name(self) -> str:
        """Return the node's name."""
        return str(self.world.pod(NAMESPACE, NAME).spec.node_name)


@dataclass
class KillAudit:
    """Compares the kernel's count of kills with the recorded kills, from its creation on."""

    node_access: NodeAccess
    namespace: str

    def __post_init__(self) -> None:
        self.node_access.world.wait_for_other_stories(self.namespace)
        self.node_access.wait_for_deleted_pods()
        self.kills_before = self.node_access.kernel_kills()
        self._unattributed_before = self._unattributed()

    def _unattributed(self) -> int:
        report = self.node_access.world.node_report(self.node_access.node_name())
        return int(report["status"]["kills"].get("unattributed", 0))

    def recorded(self) -> int:
        """Return the number of kills that the records of the namespace cover."""
        kills = self.node_access.world.kills(self.namespace)
        return sum(kill["evidence"]["to"] - kill["evidence"]["from"] for kill in kills)

    def missing(self) -> int:
        """Return the number of unrecorded kills; negative if kills were recorded twice."""
        return self.node_access.kernel_kills() - self.kills_before - self.recorded()

    def check(self, pods: int, seconds: float = 120) -> None:
        """Assert that every kill is recorded once, in a record of its own pod.

        Args:
            pods: The number of pods that must have a record.
            seconds: How long to wait for the last record on an idle machine.
        """
        world = self.node_access.world

        def complete() -> bool:
            """Every killed pod has a record, and the records cover all kills."""
            named = {kill["pod"]["name"] for kill in world.kills(self.namespace)}
            return len(named) >= pods and self.missing() == 0

        try:
            eventually(complete, seconds, every=2)
        finally:
            now = self._unattributed()
            print(
                f"unrecorded kills: {self.missing()};"
                f" unattributed kills: {self._unattributed_before} before, {now} now"
            )
            print(world.node_report(self.node_access.node_name())["status"]["kills"])
        assert self._unattributed() == self._unattributed_before
        self._check_ranges()

    def _check_ranges(self) -> None:
        spans: dict[tuple[str, int, int], list[tuple[int, int]]] = {}
        for kill in self.node_access.world.kills(self.namespace):
            evidence = kill["evidence"]
            key = (evidence["bootID"], evidence["cgroup"], evidence.get("epoch", 0))
            spans.setdefault(key, []).append((evidence["from"], evidence["to"]))
        for ranges in spans.values():
            ordered = sorted(ranges)
            ends = [end for _, end in ordered[:-1]]
            starts = [start for start, _ in ordered[1:]]
            assert all(end <= start for end, start in zip(ends, starts, strict=True)), ordered
