"""What this checkout's agent costs on a full node, alone or beside that of an earlier commit.

`make bench ARGS=added-weight`, when nothing happens and with a kill a second. With BASE=REVISION
both agents run on the node at the same time: libraries, load and kubelet are the same for both, but
they take processor time from each other. They are pods from the template of the DaemonSet, which
runs none meanwhile, on the image of this checkout; only the code differs.
"""

import base64
import lzma
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import observer, policy_change
from bench.figures import table
from e2e.workloads import pod
from e2e.world import NAMESPACE, Release, World, eventually

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = "operator/oomwarden"
NOT_OF_AGENTS = ":!operator/oomwarden/cli"
"""The largest package, so that the code fits into a ConfigMap (1 MiB)."""
PODS = 110
KILLS = 60
"""One a second, each in another container."""
SECONDS = 60 * int(os.environ.get("MINUTES", "10"))
WARM_UP_SECONDS = 120
"""Start-up is a figure of its own, and after a minute an agent returns what it left free."""
BEFORE, NOW = "weight-before", "weight-now"
_SELECTOR = "bench=weight"
_NOWHERE = {"spec": {"template": {"spec": {"nodeSelector": {"bench": "nowhere"}}}}}
_RUN = (
    "cd /code && python3 -m tarfile -e /archive/code.tar.xz . && "
    "python3 -m compileall -q -o 2 --invalidation-mode unchecked-hash operator && "
    "exec python3 -c 'from oomwarden.agent.start import main; main()'"
)
_MIB = 1 << 20


@dataclass(frozen=True)
class Cost:
    """What a process has used.

    Attributes:
        cpu: Processor time of its cgroup, in microseconds.
        resident: VmRSS in bytes.
        anonymous: RssAnon in bytes.
    """

    cpu: int
    resident: int = 0
    anonymous: int = 0


def main(world: World) -> None:
    """Run the agents on a full node, and print what each costs."""
    base = os.environ.get("BASE")
    revisions = {BEFORE: base, NOW: "HEAD"} if base else {NOW: "HEAD"}
    node = observer.start(world)
    image = world.cluster.build_and_load_image()
    release = Release(world, ROOT / "charts" / "oomwarden", image.repository, image.tag)
    replace(release, values=()).install()  # with the default intervals
    try:
        _fill(world, node, len(revisions))
        _start(world, node, revisions)
        number, (quiet, killing) = len(_pods_on(world, node)), measure(world, list(revisions))
    finally:
        _end(world)
        release.install()
    of = f"{base} and this commit" if base else "this commit"
    report(f"{of}, {number} pods, {SECONDS} s", quiet, SECONDS, share=5)
    report("the same with a kill a second", killing, KILLS, share=10)


def _fill(world: World, node: str, agents: int) -> None:
    """Fill the node but for the agents, which start while the DaemonSet's still runs."""
    allocatable = int(world.core.read_node(node).status.allocatable["pods"])
    policy_change.apply_policy(world, policy_change.FIRST)
    policy_change.fill(world, min(PODS, allocatable) - len(_pods_on(world, node)) - agents)


def _pods_on(world: World, node: str) -> list[Any]:
    selector = f"spec.nodeName={node},status.phase=Running"
    return list(world.core.list_pod_for_all_namespaces(field_selector=selector).items)


def _start(world: World, node: str, revisions: dict[str, str]) -> None:
    """Replace the DaemonSet's pods by one agent of each revision."""
    (daemons,) = world.apps.list_namespaced_daemon_set(NAMESPACE).items
    template = world.api.sanitize_for_serialization(daemons.spec.template.spec)
    world.apps.patch_namespaced_daemon_set(daemons.metadata.name, NAMESPACE, _NOWHERE)
    for name, revision in revisions.items():
        world.core.create_namespaced_config_map(NAMESPACE, archive(name, revision))
        world.apply(agent_of(template, name, node))
    for name in revisions:
        world.wait_until_running(NAMESPACE, name)


def archive(name: str, revision: str) -> dict[str, Any]:
    """Return a ConfigMap with the product's code at a revision."""
    command = ("git", "archive", "--format=tar", revision, "--", PRODUCT, NOT_OF_AGENTS)
    tar = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    return {
        "metadata": {"name": name, "labels": {"bench": "weight"}},
        "binaryData": {"code.tar.xz": base64.b64encode(lzma.compress(tar)).decode()},
    }


def agent_of(template: dict[str, Any], name: str, node: str) -> dict[str, Any]:
    """Return an agent's pod that runs the code of a ConfigMap, and has a store of its own."""
    (agent,) = template["containers"]
    added = [{"name": "archive", "mountPath": "/archive"}, {"name": "code", "mountPath": "/code"}]
    mounts = [*agent["volumeMounts"], *added]
    env = [*agent["env"], {"name": "PYTHONPATH", "value": "/code/operator"}]
    state = {"name": "state", "hostPath": {"path": f"/var/lib/{name}", "type": "DirectoryOrCreate"}}
    others = [volume for volume in template["volumes"] if volume["name"] != "state"]
    code = [{"name": "archive", "configMap": {"name": name}}, {"name": "code", "emptyDir": {}}]
    command = ["sh", "-c", _RUN]
    changed = agent | {"command": command, "env": env, "volumeMounts": mounts}
    described = pod(NAMESPACE, name, changed, bench="weight")
    kept = {key: template[key] for key in template.keys() - {"nodeSelector", "containers"}}
    described["spec"] |= {**kept, "nodeName": node, "volumes": [*others, state, *code]}
    return described


def measure(world: World, agents: list[str]) -> tuple[dict[str, Cost], dict[str, Cost]]:
    """Return what each agent and the kubelet use when nothing happens, and while kills happen."""
    time.sleep(WARM_UP_SECONDS)
    with observer.Shell(world.cluster) as shell:
        folders = {name: _folder(shell, _container_id(world, name)) for name in agents}
        folders["kubelet"] = _folder(shell, "kubelet.service")
        victims = _victims(world, shell)
        quiet = _used(shell, folders, lambda: time.sleep(SECONDS))
        return quiet, _used(shell, folders, lambda: _kill(shell, victims))


def _used(
    shell: observer.Shell, folders: dict[str, str], meanwhile: Callable[[], None]
) -> dict[str, Cost]:
    began = {name: cost(shell, folder) for name, folder in folders.items()}
    meanwhile()
    ended = {name: cost(shell, folder) for name, folder in folders.items()}
    return {name: replace(ended[name], cpu=ended[name].cpu - began[name].cpu) for name in folders}


def _victims(world: World, shell: observer.Shell) -> list[str]:
    """Return the cgroups of containers that fill the node."""
    pods = world.core.list_namespaced_pod(observer.NAMESPACE, label_selector="bench=full").items
    ids = {str(each.status.container_statuses[0].container_id).rpartition("/")[2] for each in pods}
    found = shell.run("find /host/cgroup -type d -path '*kubepods*'")
    victims = [each for each in found if any(one in each.rpartition("/")[2] for one in ids)]
    if len(victims) < KILLS:
        raise RuntimeError(f"only {len(victims)} containers are there to be killed")
    return victims[:KILLS]


def _kill(shell: observer.Shell, victims: list[str]) -> None:
    """Kill the processes of one container after another: their limit becomes 0."""
    for folder in victims:
        due = time.monotonic() + 1.0
        shell.run(f"echo 0 > {folder}/memory.max")
        time.sleep(max(0.0, due - time.monotonic()))


def _container_id(world: World, name: str) -> str:
    (status,) = world.pod(NAMESPACE, name).status.container_statuses
    if status.restart_count:
        raise RuntimeError(
            f"{name} has restarted: its figures would be those of a young agent. If it always does,"
            " its revision needs libraries that this image does not have: choose a later BASE"
        )
    return str(status.container_id).rpartition("/")[2]


def _folder(shell: observer.Shell, name: str) -> str:
    """Return the cgroup whose name contains this one."""
    found = shell.run(f"find /host/cgroup -type d -name '*{name}*'")
    if not found:
        raise RuntimeError(f"the node has no cgroup with {name} in its name")
    return min(found, key=len)


def cost(shell: observer.Shell, folder: str) -> Cost:
    """Read what a cgroup has used, and the memory of its first process."""
    (cpu,) = shell.run(f"sed -n 's/^usage_usec //p' {folder}/cpu.stat")
    status = f"/proc/$(head -n 1 {folder}/cgroup.procs)/status"
    values = dict(line.split()[:2] for line in shell.run(f"grep -E 'VmRSS|RssAnon' {status}"))
    return Cost(int(cpu), int(values["VmRSS:"]) << 10, int(values["RssAnon:"]) << 10)


def report(title: str, costs: dict[str, Cost], seconds: float, share: int) -> None:
    """Print the figures of the agents, and the difference if there are two.

    Args:
        title: What was measured.
        costs: What the agents and the kubelet used.
        seconds: Within which time.
        share: The goal, in percent of the kubelet's CPU time.
    """
    agents, kubelet = [costs[name] for name in (BEFORE, NOW) if name in costs], costs["kubelet"]
    shares = [100 * each.cpu / kubelet.cpu for each in agents]
    milliseconds = [each.cpu / 1000 / (seconds / 60) for each in [*agents, kubelet]]
    table(
        f"Agents of {title}",
        [
            ("resident memory, MiB", _shown([each.resident / _MIB for each in agents], "32")),
            ("of it anonymous", _shown([each.anonymous / _MIB for each in agents])),
            ("CPU time, % of the kubelet's", _shown(shares, f"{share} %")),
            ("CPU time, ms a minute", _shown(milliseconds[:-1])),
            ("the kubelet's", _shown(milliseconds[-1:])),
        ],
    )


def _shown(figures: Sequence[float], goal: str = "") -> str:
    first, *others = figures
    text = f"{first:7.2f}" + "".join(f" -> {now:7.2f}  {now - first:+.2f}" for now in others)
    return f"{text} (goal: at most {goal})" if goal else text


def _end(world: World) -> None:
    world.core.delete_collection_namespaced_pod(
        NAMESPACE, label_selector=_SELECTOR, grace_period_seconds=0
    )
    world.core.delete_collection_namespaced_config_map(NAMESPACE, label_selector=_SELECTOR)
    policy_change.empty(world)

    def gone() -> bool:
        """The agents are gone."""
        return not world.core.list_namespaced_pod(NAMESPACE, label_selector=_SELECTOR).items

    eventually(gone, 120)
