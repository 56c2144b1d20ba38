"""`make demo`: a real cluster, a real OOM kill, and what oomwarden says about it."""

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
from e2e.lab.interruption import ending_what_it_starts
from e2e.lab.product_image import ImageRef
from e2e.lab.progress import duration, say, step
from e2e.lab.steps import Step, run_side_by_side

_NAME = "demo"
_ROOT = Path(__file__).parents[1]
_MANIFESTS = _ROOT / "deploy" / "manifests" / "install.yaml"
_NAMESPACE = "shop"
_POLICIES = "oompolicies.oomwarden.io"
_PATIENCE = 180.0
# Every process but the one that looks: score and command line.
_SCORES = """\
for p in /proc/[0-9]*; do
  [ $p = /proc/$$ ] || echo "$(cat $p/oom_score_adj)  $(tr '\\0' ' ' < $p/cmdline)"
done
"""


def main() -> int:
    """Runs the demo and returns its exit code."""
    started = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ending_what_it_starts(find(_NAME)):
            _run()
    except LabError as problem:
        say(str(problem))
        return 1
    except KeyboardInterrupt:
        say("Interrupted: run the same again to go on from here.")
        return 130
    say(f"The demo took {duration(time.monotonic() - started)}.")
    return 0


def _run() -> None:
    cluster = _open("boots")
    # Installed while the node boots: it then starts all pods at once.
    run_side_by_side([Step(lambda: _open("is ready")), Step(lambda: _install(cluster))])
    _wait_for_agent(cluster)
    _let_it_happen(cluster)
    _show(cluster)
    _say_how_to_go_on(cluster)


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
        # Whoever watches a demo should not wait for an agent's next report.
        own = kustomization(image, {"OOMWARDEN_REPORT_SECONDS": "2"})
        (folder / "kustomization.yaml").write_text(json.dumps(own), encoding="utf-8")
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "--kustomize", folder)
        # Before that the API server does not know the demo's policy.
        cluster.kubectl("wait", "--for=condition=Established", f"crd/{_POLICIES}")
        _apply(cluster, "demo.yaml")


def kustomization(image: ImageRef, agent: dict[str, str]) -> dict[str, object]:
    """Returns what makes the manifests without Helm those of an image and settings.

    Args:
        image: The image of operator and agents.
        agent: Environment variables of the agents that get other values.
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
        "images": [{"name": "oomwarden", "newName": image.repository, "newTag": image.tag}],
        "patches": [{"patch": json.dumps(patch)}],
    }


def _wait_for_agent(cluster: Cluster) -> None:
    # Of a cluster without nodes it would be ready at once.
    agent = ("daemonset/oomwarden-agent", "--namespace", "oomwarden")
    with step("start the pods", "the agent to be ready"):
        cluster.kubectl("rollout", "status", *agent, "--timeout", "5m")


def _let_it_happen(cluster: Cluster) -> None:
    with step("wait for a kill", "`api` to take 200 MiB with a limit of 32Mi") as waiting:
        _apply(cluster, "demo-kill.yaml")
        _until(lambda: _api_kills(cluster), "an OOMKill of pod api")
        waiting.waits_for = "the Event on the pod"
        _until(lambda: _has_event(cluster), "an Event OOMKilled in namespace shop")
        waiting.waits_for = "the policy to hold on `db`"
        _until(lambda: _is_enforced(cluster), "a container with policy protect-db enforced")


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


def _until(seen: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not seen():
        if time.monotonic() > deadline:
            raise LabError(
                f"There is not {what} after {_PATIENCE:.0f} s: look at"
                " `kubectl logs --namespace oomwarden daemonset/oomwarden-agent`."
            )
        time.sleep(0.5)


def _show(cluster: Cluster) -> None:
    place = ("--namespace", _NAMESPACE)
    _print("The kill, as a record that outlives the pod", "kubectl get oomkills -A")
    print(cluster.kubectl("get", "oomkills", "--all-namespaces"))
    _print("The same where everybody looks first", "kubectl describe pod -n shop -l app=api")
    described = cluster.kubectl("describe", "pod", *place, "--selector", "app=api")
    print(described[described.rfind("\nEvents:") + 1 :])
    _print("The policy", "kubectl get oompolicies -A")
    print(cluster.kubectl("get", "oompolicies", "--all-namespaces"))
    conditions = '{range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\\n"}{end}'
    policy = ("get", "oompolicy", "protect-db", *place, "--output", f"jsonpath={conditions}")
    print(cluster.kubectl(*policy))
    _print("And the truth of it, on each live process of db", "cat /proc/*/oom_score_adj")
    print(cluster.kubectl("exec", *place, "deployment/db", "--", "sh", "-c", _SCORES))


def _print(title: str, command: str) -> None:
    print(f"\n=== {title}\n$ {command}")


def _say_how_to_go_on(cluster: Cluster) -> None:
    folder = cluster.programs["kubectl"].parent
    print(
        "\nThe cluster goes on running. To look around in this shell:\n"
        f"  export KUBECONFIG={cluster.kubeconfig} PATH={folder}:$PATH\n"
        "  kubectl get oomkills -A --watch\n"
        "To end it: make demo-down"
    )


if __name__ == "__main__":
    sys.exit(main())
