"""The scenarios: each kills containers in another way."""

import subprocess
import time
from collections.abc import Callable
from functools import partial

from kubernetes import client

from bench import observer
from bench.recall.session import GO, OURS, Session
from e2e.workloads import Manifest, container, hog, pod
from e2e.world import NAMESPACE, eventually

AGENT = "oomwarden-agent"


def quiet(session: Session) -> None:
    """Kill 25 pods, one after the other."""
    for number in range(25):
        session.apply(pod(session.namespace, f"quiet-{number}", hog(session.image)))
        session.wait_for_kills(number + 1)
        _wait_for_oomwarden(session, number + 1)


def _wait_for_oomwarden(session: Session, number: int, seconds: float = 15) -> None:
    """Wait until oomwarden has reported the kills, so that they stay apart, or time is over."""
    end = time.monotonic() + seconds
    while session.scores(session.current)[OURS].found < number and time.monotonic() < end:
        time.sleep(0.2)


def burst(session: Session) -> None:
    """Let 30 containers exceed their limits at the same time."""
    session.on_node(f"rm -rf {GO}; mkdir -p {GO}")
    for number in range(10):
        members = [_waiting(session, f"c{n}") for n in range(3)]
        described = pod(session.namespace, f"burst-{number}", *members)
        described["spec"]["volumes"] = [{"name": "go", "hostPath": {"path": GO}}]
        session.apply(described)
    for number in range(10):
        session.world.wait_until_running(session.namespace, f"burst-{number}")
    session.on_node(f"touch {GO}/go")
    session.wait_for_kills(30)


def _waiting(session: Session, name: str) -> Manifest:
    script = "while [ ! -e /go/go ]; do sleep 0.2; done; hog 200"
    described = container(name, session.image, "sh", "-c", script, limit="32Mi")
    described["volumeMounts"] = [{"name": "go", "mountPath": "/go"}]
    return described


def never(session: Session) -> None:
    """Kill 12 short pods with restartPolicy Never at the same time."""
    for number in range(12):
        session.apply(pod(session.namespace, f"never-{number}", hog(session.image)))
    session.wait_for_kills(12)


def child(session: Session) -> None:
    """Kill a child every 5 s; the first process survives (singleProcessOOMKill)."""
    script = "while [ ! -e /go ]; do sleep 0.2; done; for n in $(seq 12); do hog 200; sleep 5; "
    app = container("app", session.image, "sh", "-c", f"{script} done; sleep 100000", limit="64Mi")
    session.apply(pod(session.namespace, "parent", app))
    session.world.wait_until_running(session.namespace, "parent")
    _kill_single_processes(session, "parent")
    session.world.cluster.kubectl("exec", "-n", session.namespace, "parent", "--", "touch", "/go")
    session.wait_for_kills(12)


def init(session: Session) -> None:
    """Kill 6 init containers."""
    for number in range(6):
        described = pod(
            session.namespace, f"init-{number}", container("app", session.image, "sleep", "1")
        )
        described["spec"]["initContainers"] = [hog(session.image, "setup")]
        session.apply(described)
    session.wait_for_kills(6)


def exec_(session: Session) -> None:
    """Kill 5 `kubectl exec` processes; the container survives (singleProcessOOMKill)."""
    app = container("app", session.image, "sleep", "100000", limit="64Mi")
    session.apply(pod(session.namespace, "target", app))
    session.world.wait_until_running(session.namespace, "target")
    _kill_single_processes(session, "target")
    kubectl = str(session.world.cluster.programs["kubectl"])
    for number in range(5):
        line = (kubectl, "exec", "-n", session.namespace, "target", "--", "hog", "200")
        subprocess.run(line, env=session.world.cluster.environment(), check=False)
        session.wait_for_kills(number + 1)


def instant(session: Session) -> None:
    """Kill 10 containers immediately after their start, and remark how long they lived."""
    script = "read up rest < /proc/uptime; echo $up; exec hog 200"
    clock = session.shell.uptime_clock()
    for number in range(10):
        app = container("app", session.image, "sh", "-c", script, limit="8Mi")
        session.apply(pod(session.namespace, f"instant-{number}", app))
    session.wait_for_kills(10)
    lives = [life for number in range(10) for life in _lives(session, f"instant-{number}", clock)]
    lifetimes = (
        f"lived {min(lives):.2f} to {max(lives):.2f} s" if lives else "lifetimes are unknown"
    )
    session.current.remarks.append(
        f"{len(lives)} of 10 containers {lifetimes} (error {clock.error:.2f} s)"
    )


def _lives(session: Session, name: str, clock: observer.Clock) -> list[float]:
    """Return the seconds from a container's first output to its kill, if both are known."""
    uid = session.world.pod(session.namespace, name).metadata.uid
    try:
        uptime = str(session.world.core.read_namespaced_pod_log(name, session.namespace))
        began = clock.to_local(float(uptime))
    except (ValueError, client.ApiException):
        return []
    return [kill.at - began for kill in session.kills_so_far() if kill.place.pod == uid and kill.at]


def node(session: Session) -> None:
    """Let 2 pods without a limit take all memory of the node."""
    for number in range(2):
        greedy = container("app", session.image, "hog", str(2 * session.memory >> 20))
        session.apply(pod(session.namespace, f"node-{number}", greedy))
        session.wait_for_kills(number + 1, 300)


def down(session: Session) -> None:
    """Kill 3 containers while the node has no agent, and then start the agent again."""
    away = {"oomwarden.io/recall": "away"}
    _place_agents(session, away)
    try:
        eventually(partial(_agents, session, 0), 120)
        for number in range(3):
            session.apply(pod(session.namespace, f"down-{number}", hog(session.image)))
        session.wait_for_kills(3)
    finally:
        _place_agents(session, dict.fromkeys(away))
        session.world.cluster.kubectl(
            "rollout", "status", "-n", NAMESPACE, f"ds/{AGENT}", "--timeout=180s"
        )


def _place_agents(session: Session, labels: dict[str, str] | dict[str, None]) -> None:
    where = {"spec": {"template": {"spec": {"nodeSelector": labels}}}}
    session.world.apps.patch_namespaced_daemon_set(AGENT, NAMESPACE, where)


def _agents(session: Session, number: int) -> bool:
    """Return whether this number of agents runs."""
    selector = "app.kubernetes.io/component=agent"
    found = session.world.core.list_namespaced_pod(NAMESPACE, label_selector=selector)
    return len(found.items) == number


def _kill_single_processes(session: Session, name: str) -> None:
    uid = str(session.world.pod(session.namespace, name).metadata.uid)
    for spelled in (uid, uid.replace("-", "_")):
        session.on_node(
            f'for f in $(find /sys/fs/cgroup -path "*pod{spelled}*" -name memory.oom.group); '
            "do echo 0 > $f; done"
        )


ON_CLUSTER: dict[str, Callable[[Session], None]] = {
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
