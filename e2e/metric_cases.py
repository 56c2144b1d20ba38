"""What makes each alert fire on a real node, and what each panel of the dashboard shows."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from kubernetes import client

from e2e.node_access import NodeAccess
from e2e.workloads import Manifest, container, pod, policy
from e2e.world import GROUP, NAMESPACE, STORY, VERSION, World, eventually

_GHOST = "node-of-the-past"
_GO = "until test -e /go; do sleep 0.5; done; exec hog 200"
_READER = (
    "for n in `seq 0 7`; do dd if=/dev/zero of=/big bs=1M count=8 seek=$((8 * n)) "
    "conv=notrunc,fsync; done; while cat /big >/dev/null; do sleep 1; done"
)
_HOST_HOG = (
    "systemd-run --wait --collect -p MemoryMax=16M -p MemorySwapMax=0 "
    "dd if=/dev/zero of=/dev/null bs=64M count=1 || true"
)
_BEST_EFFORT = "/sys/fs/cgroup/kubepods*/*besteffort*"
"""The kubelet evicts pods and taints the node if it sees less memory in the cgroup above."""
_SQUEEZE = (
    "cat $f; s=50000000; while read k v; do case $k in anon|shmem|kernel) s=$((s + v));; esac; "
    "done < $d/memory.stat; echo $s > $f"
)
"""Allow 50 MB beside what is in use, page cache of earlier pods not counted: it is given up first,
and may be more than what the pod wants."""


@dataclass
class Cases:
    """Namespaces with workloads, each of which is a case.

    Attributes:
        shop: The namespace of most workloads.
        gone: A namespace whose records are refused, and which is deleted.
    """

    world: World
    node_access: NodeAccess
    shop: str = field(default_factory=lambda: f"{STORY}shop-{uuid.uuid4().hex[:4]}")
    gone: str = field(default_factory=lambda: f"{STORY}gone-{uuid.uuid4().hex[:4]}")

    def __post_init__(self) -> None:
        self.image = self.world.cluster.busybox_image

    def start(self) -> None:
        """Start all workloads and policies, without waiting for them."""
        for name in (self.shop, self.gone):
            self.world.make_namespace(name)
        rules: dict[str, Manifest] = {
            "db": {"oomScoreAdj": -500},
            "cart": {"onOOM": {"raiseLimit": {"by": "50%", "atLeast": "1Mi", "upTo": "256Mi"}}},
            "worker": {"onOOM": {"raiseLimit": {"by": "50%", "atLeast": "1Mi", "upTo": "32Mi"}}},
            "cache": {"memory": {"groupKill": False}},
            "web": {"oomScoreAdj": -100, "memory": {"limit": "80Mi"}},
        }
        for name, rule in rules.items():
            self.world.apply(policy(self.shop, f"for-{name}", {"app": name}, rule))
        self.world.apply(_refusal(self.gone))
        self.world.apply(_binding(self.gone))
        for name, command in _commands().items():
            self.world.apply(self._deployment(name, *command))
        free = container("main", self.image, "sh", "-c", _GO)
        self.world.apply(pod(self.shop, "batch-report", free, restart="Never", app="batch"))
        lost = container("app", self.image, "sh", "-c", _GO, limit="32Mi")
        self.world.apply(pod(self.gone, "lost", lost))

    def _deployment(self, name: str, limit: str, *command: str) -> Manifest:
        labels = {"app": name}
        app = container("app", self.image, *command, limit=limit, request="16Mi")
        template = {
            "metadata": {"labels": labels},
            "spec": {"containers": [app], "terminationGracePeriodSeconds": 0},
        }
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": self.shop},
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        }

    def pod_of(self, name: str) -> str:
        """Return the name of a workload's running pod."""
        found = self.world.core.list_namespaced_pod(self.shop, label_selector=f"app={name}").items
        running = [each.metadata.name for each in found if each.status.phase == "Running"]
        return str(running[0]) if running else ""

    def kill(self, namespace: str, name: str) -> None:
        """Let the process of a pod that waits for it take too much memory."""
        container_name = "main" if name == "batch-report" else "app"
        self.world.run_in_container(namespace, name, container_name, "touch /go")

    def wait_for_pods(self) -> None:
        """Wait until the pods that wait for a sign are running."""
        for name in ("db", "cart", "web", "files"):
            eventually(partial(self.pod_of, name), 90, every=0.5)
        for namespace, name in ((self.shop, "batch-report"), (self.gone, "lost")):
            self.world.wait_until_running(namespace, name)

    def wait_for_policies(self) -> None:
        """Wait until the scores of the workloads that policies protect are set."""
        for name, score in (("db", "-500"), ("web", "-100")):
            eventually(partial(self._has_score, name, score), 60, every=0.5)

    def _has_score(self, name: str, score: str) -> bool:
        """The protected workload has its score."""
        read = "cat /proc/1/oom_score_adj"
        found = self.world.run_in_container(self.shop, self.pod_of(name), "app", read)
        return found.strip() == score

    def provoke(self) -> None:
        """Let everything happen, first what takes longest to be seen."""
        self.forget_node()
        self.kill_on_host()
        self.wait_for_pods()
        self.kill(self.gone, "lost")
        self.wait_for_policies()
        self.change_score()
        for name in ("db", "cart"):
            self.kill(self.shop, self.pod_of(name))
        self.fill_node()

    def change_score(self) -> None:
        """Give a process back the kubelet's score, as another program could.

        Any other score would count as the process's own, which policies respect. It takes minutes
        until this is seen: only every twelfth scan reads processes that had their score.
        """
        read, run = "cat /proc/1/oom_score_adj", self.world.run_in_container
        usual = run(self.shop, self.pod_of("files"), "app", read).strip()
        run(self.shop, self.pod_of("web"), "app", f"echo {usual} >/proc/1/oom_score_adj")

    def delete_gone(self) -> None:
        """Delete the namespace whose records are refused.

        The record of another kill makes the agent try it again at once.
        """
        self.world.core.delete_namespace(self.gone, grace_period_seconds=0)
        self.kill(self.shop, self.pod_of("db"))

    def kill_on_host(self) -> None:
        """Kill a process that is in no pod."""
        self.node_access.run(_HOST_HOG)

    def fill_node(self) -> None:
        """Let the pods without requests hit what they have together, for a moment."""
        files = f"f=$(echo {_BEST_EFFORT}/memory.max); d=${{f%/*}}"
        before = self.node_access.run(f"{files}; {_SQUEEZE}").strip()
        try:
            self.kill(self.shop, "batch-report")

            def killed() -> bool:
                """The pod without a limit was killed."""
                return bool(self.world.pod(self.shop, "batch-report").status.phase == "Failed")

            eventually(killed, 30, every=0.5)
        finally:
            shown = "cat $f $d/memory.current $d/memory.stat"
            print(self.node_access.run(f"{files}; {shown}; echo {before} > $f"))

    def forget_node(self) -> None:
        """Create the OOMNode of a node whose agent does not report."""
        api = client.ApiClient(self.world.api.configuration)
        account = f"system:serviceaccount:{NAMESPACE}:oomwarden-agent"
        api.set_default_header("Impersonate-User", account)
        api.set_default_header("Impersonate-Extra-authentication.kubernetes.io%2fnode-name", _GHOST)
        body: Manifest = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "OOMNode",
            "metadata": {"name": _GHOST},
        }
        custom = client.CustomObjectsApi(api)
        custom.create_cluster_custom_object(GROUP, VERSION, "oomnodes", body)

    def stop(self) -> None:
        """Delete everything, without waiting."""
        kubectl = self.world.cluster.kubectl
        kubectl("delete", "oomnode", _GHOST, "--ignore-not-found")
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            kubectl("delete", kind, self.gone, "--ignore-not-found")
        for name in (self.shop, self.gone):
            kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=false")


def _commands() -> dict[str, tuple[str, ...]]:
    """Return limits and commands by name of workload."""
    return {
        "api": ("64Mi", "hog", "200"),
        "db": ("64Mi", "sh", "-c", _GO),
        "cart": ("32Mi", "sh", "-c", _GO),
        "worker": ("32Mi", "hog", "200"),
        "cache": ("64Mi", "hog", "60"),
        "files": ("32Mi", "sh", "-c", _READER),
        "web": ("64Mi", "sh", "-c", "sleep 100000"),
    }


def _refusal(namespace: str) -> Manifest:
    rules = [
        {
            "apiGroups": [GROUP],
            "apiVersions": ["*"],
            "operations": ["CREATE"],
            "resources": ["oomkills"],
        }
    ]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": namespace},
        "spec": {
            "matchConstraints": {"resourceRules": rules},
            "validations": [{"expression": "false", "message": "refused by a story"}],
        },
    }


def _binding(namespace: str) -> Manifest:
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": namespace},
        "spec": {
            "policyName": namespace,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": selector},
        },
    }


@contextmanager
def cases_of(world: World, node_access: NodeAccess) -> Iterator[Cases]:
    """Start all cases, and delete them after the block."""
    cases = Cases(world, node_access)
    try:
        cases.start()
        yield cases
    finally:
        cases.stop()
