"""How containers come to be OOM-killed, each way once."""

import subprocess
import time
from collections.abc import Callable
from functools import partial

from kubernetes import client

from bench import observer
from bench.recall.stage import GO, OURS, Stage
from e2e.workloads import Manifest, container, hog, pod
from e2e.world import NAMESPACE, eventually

AGENT = "oomwarden-agent"


def quiet(stage: Stage) -> None:
    """25 pods, one after the other."""
    for number in range(25):
        stage.apply(pod(stage.namespace, f"quiet-{number}", hog(stage.image)))
        stage.killed(number + 1)
        _until_told(stage, number + 1)


def _until_told(stage: Stage, number: int, seconds: float = 15) -> None:
    """Wait for oomwarden, so that kills stay apart; one that is never told is for the judge."""
    end = time.monotonic() + seconds
    while stage.scores(stage.act)[OURS].found < number and time.monotonic() < end:
        time.sleep(0.2)


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
    script = "while [ ! -e /go ]; do sleep 0.2; done; for n in $(seq 12); do hog 200; sleep 5; "
    app = container("app", stage.image, "sh", "-c", f"{script} done; sleep 100000", limit="64Mi")
    stage.apply(pod(stage.namespace, "parent", app))
    stage.world.running(stage.namespace, "parent")
    _kill_single_processes(stage, "parent")
    stage.world.cluster.kubectl("exec", "-n", stage.namespace, "parent", "--", "touch", "/go")
    stage.killed(12)


def init(stage: Stage) -> None:
    """6 init containers."""
    for number in range(6):
        described = pod(
            stage.namespace, f"init-{number}", container("app", stage.image, "sleep", "1")
        )
        described["spec"]["initContainers"] = [hog(stage.image, "setup")]
        stage.apply(described)
    stage.killed(6)


def exec_(stage: Stage) -> None:
    """5 times `kubectl exec` in a container that lives on (singleProcessOOMKill)."""
    app = container("app", stage.image, "sleep", "100000", limit="64Mi")
    stage.apply(pod(stage.namespace, "target", app))
    stage.world.running(stage.namespace, "target")
    _kill_single_processes(stage, "target")
    kubectl = str(stage.world.cluster.programs["kubectl"])
    for number in range(5):
        line = (kubectl, "exec", "-n", stage.namespace, "target", "--", "hog", "200")
        subprocess.run(line, env=stage.world.cluster.environment(), check=False)
        stage.killed(number + 1)


def instant(stage: Stage) -> None:
    """10 containers that die in the first moments of their lives: how long they lived is told."""
    script = "read up rest < /proc/uptime; echo $up; exec hog 200"
    clock = stage.shell.uptime_clock()
    for number in range(10):
        app = container("app", stage.image, "sh", "-c", script, limit="8Mi")
        stage.apply(pod(stage.namespace, f"instant-{number}", app))
    stage.killed(10)
    lives = [life for number in range(10) for life in _lives(stage, f"instant-{number}", clock)]
    told = f"lived {min(lives):.2f} to {max(lives):.2f} s" if lives else "lifetimes are unknown"
    stage.act.remarks.append(f"{len(lives)} of 10 containers {told} (error {clock.error:.2f} s)")


def _lives(stage: Stage, name: str, clock: observer.Clock) -> list[float]:
    """Give the seconds from a container's own first line to its kill, where both are known."""
    uid = stage.world.pod(stage.namespace, name).metadata.uid
    try:
        said = str(stage.world.core.read_namespaced_pod_log(name, stage.namespace))
        began = clock.here(float(said))
    except (ValueError, client.ApiException):
        return []
    return [kill.at - began for kill in stage.look() if kill.place.pod == uid and kill.at]


def node(stage: Stage) -> None:
    """2 pods without a limit that take all memory of the node."""
    for number in range(2):
        greedy = container("app", stage.image, "hog", str(2 * stage.memory >> 20))
        stage.apply(pod(stage.namespace, f"node-{number}", greedy))
        stage.killed(number + 1, 300)


def down(stage: Stage) -> None:
    """3 kills while the node has no agent, and then it comes back."""
    away = {"oomwarden.io/recall": "away"}
    _place_agents(stage, away)
    try:
        eventually(partial(_agents, stage, 0), 120)
        for number in range(3):
            stage.apply(pod(stage.namespace, f"down-{number}", hog(stage.image)))
        stage.killed(3)
    finally:
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
