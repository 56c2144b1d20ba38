"""How containers come to be OOM-killed, each way once."""

import subprocess
from collections.abc import Callable
from functools import partial

from bench.recall.stage import GO, Stage
from e2e.workloads import Manifest, container, hog, pod
from e2e.world import NAMESPACE, eventually

AGENT = "oomwarden-agent"


def quiet(stage: Stage) -> None:
    """10 pods, one after the other."""
    for number in range(10):
        stage.apply(pod(stage.namespace, f"quiet-{number}", hog(stage.image)))
        stage.killed(number + 1)
        eventually(partial(_told, stage, number + 1), 60)


def _told(stage: Stage, number: int) -> bool:
    """Oomwarden told it."""
    return sum(report.kills for report in stage.records.reports) >= number


def burst(stage: Stage) -> None:
    """30 containers that go over their limits in the same moment."""
    stage.on_node(f"rm -rf {GO}; mkdir -p {GO}")
    for number in range(10):
        members = [_waiting(stage, f"c{n}") for n in range(3)]
        described = pod(stage.namespace, f"burst-{number}", *members)
        described["spec"]["volumes"] = [{"name": "go", "hostPath": {"path": GO}}]
        stage.apply(described)
    for number in range(10):
        stage.world.running(stage.namespace, f"burst-{number}")
    stage.on_node(f"touch {GO}/go")
    stage.killed(30)


def _waiting(stage: Stage, name: str) -> Manifest:
    script = "while [ ! -e /go/go ]; do sleep 0.2; done; hog 200"
    described = container(name, stage.image, "sh", "-c", script, limit="32Mi")
    described["volumeMounts"] = [{"name": "go", "mountPath": "/go"}]
    return described


def never(stage: Stage) -> None:
    """12 short pods with restartPolicy Never, all at once."""
    for number in range(12):
        stage.apply(pod(stage.namespace, f"never-{number}", hog(stage.image)))
    stage.killed(12)


def child(stage: Stage) -> None:
    """A child killed every 5 s under a first process that lives on (singleProcessOOMKill)."""
    script = "while [ ! -e /go ]; do sleep 0.2; done; for n in 1 2 3 4 5 6; do hog 200; sleep 5; "
    app = container("app", stage.image, "sh", "-c", f"{script} done; sleep 100000", limit="64Mi")
    stage.apply(pod(stage.namespace, "parent", app))
    stage.world.running(stage.namespace, "parent")
    _kill_single_processes(stage, "parent")
    stage.world.cluster.kubectl("exec", "-n", stage.namespace, "parent", "--", "touch", "/go")
    stage.killed(6)


def init(stage: Stage) -> None:
    """4 init containers."""
    for number in range(4):
        described = pod(
            stage.namespace, f"init-{number}", container("app", stage.image, "sleep", "1")
        )
        described["spec"]["initContainers"] = [hog(stage.image, "setup")]
        stage.apply(described)
    stage.killed(4)


def exec_(stage: Stage) -> None:
    """3 times `kubectl exec` in a container that lives on (singleProcessOOMKill)."""
    app = container("app", stage.image, "sleep", "100000", limit="64Mi")
    stage.apply(pod(stage.namespace, "target", app))
    stage.world.running(stage.namespace, "target")
    _kill_single_processes(stage, "target")
    kubectl = str(stage.world.cluster.programs["kubectl"])
    for number in range(3):
        line = (kubectl, "exec", "-n", stage.namespace, "target", "--", "hog", "200")
        subprocess.run(line, env=stage.world.cluster.environment(), check=False)
        stage.killed(number + 1)


def instant(stage: Stage) -> None:
    """10 containers that die in the first moments of their lives."""
    for number in range(10):
        stage.apply(pod(stage.namespace, f"instant-{number}", hog(stage.image, limit="8Mi")))
    stage.killed(10)


def node(stage: Stage) -> None:
    """2 pods without a limit that take all memory of the node."""
    for number in range(2):
        greedy = container("app", stage.image, "hog", "100000")
        stage.apply(pod(stage.namespace, f"node-{number}", greedy))
        stage.killed(number + 1, 300)


def down(stage: Stage) -> None:
    """3 kills while the node has no agent, and then it comes back."""
    away = {"oomwarden.io/recall": "away"}
    _place_agents(stage, away)
    eventually(partial(_agents, stage, 0), 120)
    for number in range(3):
        stage.apply(pod(stage.namespace, f"down-{number}", hog(stage.image)))
    stage.killed(3)
    _place_agents(stage, dict.fromkeys(away))
    stage.world.cluster.kubectl(
        "rollout", "status", "-n", NAMESPACE, f"ds/{AGENT}", "--timeout=180s"
    )


def _place_agents(stage: Stage, labels: dict[str, str] | dict[str, None]) -> None:
    where = {"spec": {"template": {"spec": {"nodeSelector": labels}}}}
    stage.world.apps.patch_namespaced_daemon_set(AGENT, NAMESPACE, where)


def _agents(stage: Stage, number: int) -> bool:
    """So many agents run."""
    selector = "app.kubernetes.io/component=agent"
    found = stage.world.core.list_namespaced_pod(NAMESPACE, label_selector=selector)
    return len(found.items) == number


def _kill_single_processes(stage: Stage, name: str) -> None:
    uid = str(stage.world.pod(stage.namespace, name).metadata.uid)
    for spelled in (uid, uid.replace("-", "_")):
        stage.on_node(
            f'for f in $(find /sys/fs/cgroup -path "*pod{spelled}*" -name memory.oom.group); '
            "do echo 0 > $f; done"
        )


ON_CLUSTER: dict[str, Callable[[Stage], None]] = {
    "quiet": quiet,
    "burst": burst,
    "never": never,
    "child": child,
    "init": init,
    "exec": exec_,
    "instant": instant,
    "node": node,
    "down": down,
}
