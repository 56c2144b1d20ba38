"""Actions and queries of stories on a cluster, through the official client."""

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kubernetes import client

from e2e.lab import Cluster, Options
from e2e.lab.shell import run

STORIES_LAB = Options(kubelet={"enableSystemLogQuery": True}, postgres=True)
"""Lets a failed story read the logs of a node's services through the API server."""
STORY = "story-"
"""The prefix of stories' namespaces."""
GROUP, VERSION = "oomwarden.io", "v1alpha1"
NAMESPACE = "oomwarden"
PATIENCE = 3
"""Timeouts are multiplied by this, because a node may share its cores and be slower."""
T = TypeVar("T")


def eventually(condition: Callable[[], T], seconds: float = 60, every: float = 1.0) -> T:
    """Call a condition until its result is true, and return that result.

    Args:
        condition: The function to call; its docstring describes it in the error.
        seconds: How long it may take on an idle machine.
        every: Seconds between two calls; each exec costs an emulated node a second of its cores.

    Raises:
        AssertionError: The condition was not true in time.
    """
    end = time.monotonic() + PATIENCE * seconds
    seen = condition()
    while not seen:
        late = f"not true within {PATIENCE * seconds:g} s: {condition.__doc__ or condition}"
        assert time.monotonic() < end, late
        time.sleep(every)
        seen = condition()
    return seen


@dataclass
class World:
    """The cluster of a story, with the actions and queries that stories share."""

    cluster: Cluster
    api: client.ApiClient

    def __post_init__(self) -> None:
        self.core = client.CoreV1Api(self.api)
        self.custom = client.CustomObjectsApi(self.api)
        self.apps = client.AppsV1Api(self.api)

    def apply(self, manifest: dict[str, Any]) -> None:
        """Apply an object with kubectl, as a user does."""
        self.cluster.apply(manifest)

    def pod(self, namespace: str, name: str) -> Any:
        """Read a pod."""
        return self.core.read_namespaced_pod(name, namespace)

    def make_namespace(self, name: str) -> None:
        """Create a namespace if needed, and wait for the service account that pods need."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        only = {"field_selector": "metadata.name=default"}
        eventually(lambda: self.core.list_namespaced_service_account(name, **only).items, every=0.2)

    def wait_until_running(self, namespace: str, name: str) -> None:
        """Wait until all containers of a pod are running."""

        def phase() -> bool:
            """The pod is running."""
            statuses = self.pod(namespace, name).status.container_statuses or []
            return bool(statuses) and all(status.state.running for status in statuses)

        eventually(phase, 120)

    def wait_for_other_stories(self, namespace: str) -> None:
        """Wait until the pods of other stories are gone, so that their kills are not counted."""

        def ended() -> bool:
            """No pod of another story exists."""
            pods = self.core.list_pod_for_all_namespaces().items
            spaces = {each.metadata.namespace for each in pods} - {namespace}
            return not any(each.startswith(STORY) for each in spaces)

        eventually(ended, 120)

    def kills(self, namespace: str, pod: str | None = None) -> list[dict[str, Any]]:
        """Return the OOMKills of a namespace, or of one pod."""
        found = self.custom.list_namespaced_custom_object(GROUP, VERSION, namespace, "oomkills")
        return [k for k in found["items"] if pod is None or k["pod"]["name"] == pod]

    def patch_refusal(self, kill: dict[str, Any], patch: dict[str, Any]) -> str:
        """Try to change a record and return the API server's refusal; empty if it was accepted."""
        where = kill["metadata"]["namespace"], "oomkills", kill["metadata"]["name"]
        try:
            self.custom.patch_namespaced_custom_object(GROUP, VERSION, *where, patch)
        except client.ApiException as error:
            return str(error.body)
        return ""

    def oom_events(self, namespace: str, pod: str) -> list[dict[str, Any]]:
        """Return the product's OOMKilled Events on a pod."""
        named = [e for e in self.events(namespace) if e["regarding"].get("name") == pod]
        return [event for event in named if event.get("reason") == "OOMKilled"]

    def events(self, namespace: str) -> list[dict[str, Any]]:
        """Return Events as dicts; the client's model refuses those without eventTime."""
        found = self.custom.list_namespaced_custom_object(
            "events.k8s.io", "v1", namespace, "events"
        )
        items: list[dict[str, Any]] = found["items"]
        return items

    def node_report(self, node: str) -> dict[str, Any]:
        """Read a node's OOMNode."""
        found: dict[str, Any] = self.custom.get_cluster_custom_object(
            GROUP, VERSION, "oomnodes", node
        )
        return found

    def policy(self, namespace: str, name: str) -> dict[str, Any]:
        """Read an OOMPolicy."""
        found: dict[str, Any] = self.custom.get_namespaced_custom_object(
            GROUP, VERSION, namespace, "oompolicies", name
        )
        return found

    def refusal_messages(self, policy: str) -> dict[str, str]:
        """Return the agents' refusals of a policy: messages by reason."""
        nodes = self.custom.list_cluster_custom_object(GROUP, VERSION, "oomnodes")["items"]
        reports = (each for node in nodes for each in node["status"].get("policies", []))
        matching = (each for each in reports if each["name"] == policy)
        refusals = (refusal for each in matching for refusal in each.get("refusals", []))
        return {each["reason"]: each["message"] for each in refusals}

    def delete_policy(self, namespace: str, name: str) -> None:
        """Delete an OOMPolicy."""
        self.custom.delete_namespaced_custom_object(GROUP, VERSION, namespace, "oompolicies", name)

    @contextmanager
    def exec_in_background(
        self, namespace: str, pod: str, name: str, *command: str
    ) -> Iterator[None]:
        """Run a command in a container while the block runs."""
        kubectl = str(self.cluster.programs["kubectl"])
        line = [kubectl, "exec", "-n", namespace, pod, "-c", name, "--", *command]
        running = subprocess.Popen(line, env=self.cluster.environment())
        try:
            yield
        finally:
            running.terminate()
            running.wait()

    def run_in_container(self, namespace: str, pod: str, container: str, script: str) -> str:
        """Run a shell script in a container and return its output.

        Raises:
            CommandError: The script failed.
        """
        args = ("exec", "-n", namespace, pod, "-c", container, "--", "sh", "-c", script)
        return self.cluster.kubectl(*args)

    def scores_by_command(self, namespace: str, pod: str, container: str) -> list[tuple[str, int]]:
        """Return command line and oom_score_adj of every process that a container sees."""
        script = (
            "for p in /proc/[0-9]*; do n=${p#/proc/}; s=; [ $n = $$ ] || "
            "{ read s <$p/oom_score_adj; echo $s $(tr '\\0' ' ' <$p/cmdline); }; done 2>/dev/null"
        )
        lines = self.run_in_container(namespace, pod, container, script).splitlines()
        pairs = (line.partition(" ") for line in lines)
        return [(command, int(score)) for score, _, command in pairs if command]

    def scores(self, namespace: str, pod: str, container: str) -> dict[int, int]:
        """Return oom_score_adj by pid of every process that a container sees, except the reader."""
        script = (
            "for p in /proc/[0-9]*; do n=${p#/proc/}; s=; [ $n = $$ ] || "
            "{ read s <$p/oom_score_adj; echo $n $s; }; done 2>/dev/null"
        )
        args = ("exec", "-n", namespace, pod, "-c", container, "--", "sh", "-c", script)
        lines = [line.split() for line in self.cluster.kubectl(*args).splitlines()]
        return {int(line[0]): int(line[1]) for line in lines if len(line) == 2}

    def all_have_score(self, namespace: str, pod: str, score: int) -> bool:
        """All processes of the pod's container `app` have this score."""
        return set(self.scores(namespace, pod, "app").values()) == {score}


SHORT_INTERVALS = ("agent.intervals.reportSeconds=2", "agent.intervals.lookSeconds=5")
"""Shorter than the chart's defaults, so that stories wait less."""
NO_NODE = "--set=agent.nodeSelector.nowhere=x,operator.nodeSelector.nowhere=x"
"""Matches no node: until the image is known, a booting node would pull another one."""


@dataclass
class Release:
    """The product, installed in the cluster by its chart."""

    world: World
    chart: Path
    repository: str = ""
    tag: str = ""
    values: Sequence[str] = SHORT_INTERVALS

    def install_definitions(self) -> None:
        """Install the chart's objects; running pods stay, and no new ones start."""
        is_there = self.world.cluster.helm("list", "-n", NAMESPACE, "-q").split()
        self._upgrade(self.chart, "--reset-then-reuse-values" if is_there else NO_NODE)

    def install(self, *extra: str, chart: Path | None = None) -> None:
        """Install or upgrade the chart, and wait until it is ready."""
        image = (f"image.repository={self.repository}", f"image.tag={self.tag}")
        values = ("--set", ",".join((*image, *self.values)))
        self._upgrade(chart or self.chart, *values, *extra, "--wait")

    def _upgrade(self, chart: Path, *options: str) -> None:
        self.world.cluster.helm(
            "upgrade", "--install", "oomwarden", str(chart),
            "--namespace", NAMESPACE, "--create-namespace", *options,
            "--timeout", "5m", "--force-conflicts",  # stories change fields that Helm manages
        )  # fmt: skip

    def uninstall(self) -> str:
        """Uninstall the chart, wait for its hooks, and return the output of Helm and the hooks."""
        cluster = self.world.cluster
        words = ("uninstall", "oomwarden", "-n", NAMESPACE, "--timeout", "5m")
        both = ("sh", "-c", '"$0" "$@" 2>&1', cluster.helm_program())
        return run(*both, *words, env=cluster.environment())

    def agents(self) -> list[Any]:
        """Return the agents' pods."""
        selector = "app.kubernetes.io/component=agent"
        return list(self.world.core.list_namespaced_pod(NAMESPACE, label_selector=selector).items)

    def restarts(self) -> dict[str, int]:
        """Return the number of restarts of each of the product's pods."""
        found = self.world.core.list_namespaced_pod(NAMESPACE).items
        return {
            each.metadata.name: sum(one.restart_count for one in each.status.container_statuses)
            for each in found
        }
