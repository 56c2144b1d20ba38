"""`make demo`: a real cluster, a real OOM kill, and what oomwarden reports about it."""

import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from e2e.lab import Cluster, LabError, NodeNeed, Options, open_cluster
from e2e.lab.instance import find
from e2e.lab.interruption import stop_on_interrupt
from e2e.lab.product_image import ImageRef
from e2e.lab.progress import duration, say, step
from e2e.lab.tasks import Task, run_concurrently

_NAME = "demo"
_ROOT = Path(__file__).parents[1]
_MANIFESTS = _ROOT / "deploy" / "manifests" / "install.yaml"
PUBLISHED = "ghcr.io/oomwarden/oomwarden"
"""The image that the manifests name; a demo runs one of this checkout."""
_NAMESPACE = "shop"
_POLICIES = "oompolicies.oomwarden.io"
_PATIENCE = 180.0
# Score and command line of every process except the reader itself.
_SCORES = """\
for p in /proc/[0-9]*; do
  [ $p = /proc/$$ ] || echo "$(cat $p/oom_score_adj)  $(tr '\\0' ' ' < $p/cmdline)"
done
"""


def main() -> int:
    """Run the demo and return its exit code."""
    started = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with stop_on_interrupt(find(_NAME)):
            _run()
    except LabError as problem:
        say(str(problem))
        return 1
    except KeyboardInterrupt:
        say("Interrupted. Run the same command again to resume.")
        return 130
    say(f"The demo took {duration(time.monotonic() - started)}.")
    return 0


def _run() -> None:
    cluster = _open("boots")
    # Installed while the node boots, so that it can start all pods immediately.
    run_concurrently([Task(lambda: _open("is ready")), Task(lambda: _install(cluster))])
    _wait_for_agent(cluster)
    _trigger_kill(cluster)
    _show_results(cluster)
    _print_next_steps(cluster)


def _open(node: NodeNeed) -> Cluster:
    options = Options(helm=False)
    return open_cluster(_NAME, options, own_only=True, node=node, may_build_kernel=False)


def _install(cluster: Cluster) -> None:
    image = cluster.build_and_load_image()
    with (
        tempfile.TemporaryDirectory(prefix="oomwarden-") as name,
        step("install oomwarden", "kubectl"),
    ):
        folder = Path(name)
        shutil.copy(_MANIFESTS, folder)
        # People who watch the demo should not have to wait for the agent's next report.
        own = kustomization(image, {"OOMWARDEN_REPORT_SECONDS": "2"})
        (folder / "kustomization.yaml").write_text(json.dumps(own), encoding="utf-8")
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "--kustomize", folder)
        # Until then, the API server does not know the kind of the demo's policy.
        cluster.kubectl("wait", "--for=condition=Established", f"crd/{_POLICIES}")
        _apply(cluster, "demo.yaml")


def kustomization(image: ImageRef, agent: dict[str, str]) -> dict[str, object]:
    """Return a kustomization that sets the image and the agents' environment in the manifests.

    Args:
        image: The image of operator and agents.
        agent: Environment variables of the agents, by name.
    """
    env = [{"name": name, "value": value} for name, value in agent.items()]
    containers = [{"name": "agent", "env": env}]
    patch = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "oomwarden-agent", "namespace": "oomwarden"},
        "spec": {"template": {"spec": {"containers": containers}}},
    }
    return {
        "resources": [_MANIFESTS.name],
        "images": [{"name": PUBLISHED, "newName": image.repository, "newTag": image.tag}],
        "patches": [{"patch": json.dumps(patch)}],
    }


def _wait_for_agent(cluster: Cluster) -> None:
    # In a cluster without nodes, the rollout would succeed immediately.
    agent = ("daemonset/oomwarden-agent", "--namespace", "oomwarden")
    with step("start the pods", "the agent to become ready"):
        cluster.kubectl("rollout", "status", *agent, "--timeout", "5m")


def _trigger_kill(cluster: Cluster) -> None:
    with step("trigger a kill", "`api` to allocate 200 MiB with a limit of 32Mi") as waiting:
        _apply(cluster, "demo-kill.yaml")
        _wait_for(lambda: _api_kills(cluster), "OOMKill of pod api")
        waiting.waits_for = "the Event on the pod"
        _wait_for(lambda: _has_event(cluster), "OOMKilled Event in namespace shop")
        waiting.waits_for = "the policy to be enforced on `db`"
        _wait_for(lambda: _is_enforced(cluster), "container on which policy protect-db is enforced")


def _apply(cluster: Cluster, name: str) -> None:
    manifest = (_ROOT / "e2e" / name).read_text(encoding="utf-8")
    manifest = manifest.replace("BUSYBOX_IMAGE", cluster.busybox_image)
    cluster.kubectl("apply", "--filename", "-", stdin=manifest)


def _api_kills(cluster: Cluster) -> bool:
    kills = cluster.kubectl("get", "oomkills", "--namespace", _NAMESPACE, "--output", "name")
    return "/api-" in kills


def _has_event(cluster: Cluster) -> bool:
    events = ("get", "events", "--namespace", _NAMESPACE, "--field-selector", "reason=OOMKilled")
    return cluster.kubectl(*events, "--output", "name") != ""


def _is_enforced(cluster: Cluster) -> bool:
    policy = ("get", "oompolicy", "protect-db", "--namespace", _NAMESPACE)
    return cluster.kubectl(*policy, "--output", "jsonpath={.status.enforced}") not in {"", "0"}


def _wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(
                f"There is no {what} after {_PATIENCE:.0f} s. See"
                " `kubectl logs --namespace oomwarden daemonset/oomwarden-agent`."
            )
        time.sleep(0.5)


def _show_results(cluster: Cluster) -> None:
    place = ("--namespace", _NAMESPACE)
    _print_heading("The kill, as a record that outlives the pod", "kubectl get oomkills -A")
    print(cluster.kubectl("get", "oomkills", "--all-namespaces"))
    _print_heading(
        "The same kill, as an Event on the pod", "kubectl describe pod -n shop -l app=api"
    )
    described = cluster.kubectl("describe", "pod", *place, "--selector", "app=api")
    print(described[described.rfind("\nEvents:") + 1 :])
    _print_heading(
        "The policy, and how many containers it is enforced on", "kubectl get oompolicies -A"
    )
    print(cluster.kubectl("get", "oompolicies", "--all-namespaces"))
    conditions = '{range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\\n"}{end}'
    policy = ("get", "oompolicy", "protect-db", *place, "--output", f"jsonpath={conditions}")
    print(cluster.kubectl(*policy))
    _print_heading(
        "The scores that the kernel uses, for each process of db", "cat /proc/*/oom_score_adj"
    )
    print(cluster.kubectl("exec", *place, "deployment/db", "--", "sh", "-c", _SCORES))


def _print_heading(title: str, command: str) -> None:
    print(f"\n=== {title}\n$ {command}")


def _print_next_steps(cluster: Cluster) -> None:
    folder = cluster.programs["kubectl"].parent
    print(
        "\nThe cluster is still running. To explore it in this shell:\n"
        f"  export KUBECONFIG={cluster.kubeconfig} PATH={folder}:$PATH\n"
        "  kubectl get oomkills -A --watch\n"
        "To stop it: make demo-down"
    )


if __name__ == "__main__":
    sys.exit(main())
