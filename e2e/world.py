"""What stories do to a cluster and see in it, through the official client."""

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
"""With the logs of a node's services beside a failed story, through the API server."""
STORY = "story-"
"""What the namespaces of stories begin with."""
GROUP, VERSION = "oomwarden.io", "v1alpha1"
NAMESPACE = "oomwarden"
PATIENCE = 3
"""Machines are shared: a node may be that much slower than when it has its cores to itself."""
T = TypeVar("T")


def eventually(look: Callable[[], T], seconds: float = 60, every: float = 1.0) -> T:
    """Look until something true is seen; give it.

    Args:
        look: Gives what is seen.
        seconds: How long it may take on a machine that does nothing else.
        every: Seconds between two looks: each exec costs the emulated node a second of its cores.

    Raises:
        AssertionError: nothing true was seen in time; tells what was seen last.
    """
    end = time.monotonic() + PATIENCE * seconds
    seen = look()
    while not seen:
        late = f"not seen within {PATIENCE} times {seconds:g} s: {look.__doc__ or look}"
        assert time.monotonic() < end, late
        time.sleep(every)
        seen = look()
    return seen


@dataclass
class World:
    """A cluster and the views of it that stories need."""

    cluster: Cluster
    api: client.ApiClient

    def __post_init__(self) -> None:
        self.core = client.CoreV1Api(self.api)
        self.custom = client.CustomObjectsApi(self.api)
        self.apps = client.AppsV1Api(self.api)

    def apply(self, manifest: dict[str, Any]) -> None:
        """Apply as a user would, with kubectl."""
        self.cluster.apply(manifest)

    def pod(self, namespace: str, name: str) -> Any:
        """Read a pod."""
        return self.core.read_namespaced_pod(name, namespace)

    def make_namespace(self, name: str) -> None:
        """Make a namespace, unless it is there; it takes pods once a controller made an account."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        only = {"field_selector": "metadata.name=default"}
        eventually(lambda: self.core.list_namespaced_service_account(name, **only).items, every=0.2)

    def running(self, namespace: str, name: str) -> None:
        """Wait until a pod's containers all run."""

        def phase() -> bool:
            """The pod runs."""
            statuses = self.pod(namespace, name).status.container_statuses or []
            return bool(statuses) and all(status.state.running for status in statuses)

        eventually(phase, 120)

    def alone(self, namespace: str) -> None:
        """Wait until the pods of other stories are gone: their kills are not counted here."""

        def ended() -> bool:
            """No pod of another story is there."""
            pods = self.core.list_pod_for_all_namespaces().items
            spaces = {each.metadata.namespace for each in pods} - {namespace}
            return not any(each.startswith(STORY) for each in spaces)

        eventually(ended, 120)

    def kills(self, namespace: str, pod: str | None = None) -> list[dict[str, Any]]:
        """List OOMKills, of one pod if named."""
        found = self.custom.list_namespaced_custom_object(GROUP, VERSION, namespace, "oomkills")
        return [k for k in found["items"] if pod is None or k["pod"]["name"] == pod]

    def refused_patch(self, kill: dict[str, Any], patch: dict[str, Any]) -> str:
        """Try to change a record; give the API server's refusal."""
        where = kill["metadata"]["namespace"], "oomkills", kill["metadata"]["name"]
        try:
            self.custom.patch_namespaced_custom_object(GROUP, VERSION, *where, patch)
        except client.ApiException as error:
            return str(error.body)
        return ""

    def oom_events(self, namespace: str, pod: str) -> list[dict[str, Any]]:
        """List the product's Events on a pod."""
        named = [e for e in self.events(namespace) if e["regarding"].get("name") == pod]
        return [event for event in named if event.get("reason") == "OOMKilled"]

    def events(self, namespace: str) -> list[dict[str, Any]]:
        """List Events as plain objects: the client's model refuses those without eventTime."""
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

    def refusals(self, policy: str) -> dict[str, str]:
        """Read what the agents say of a policy: messages by reason."""
        nodes = self.custom.list_cluster_custom_object(GROUP, VERSION, "oomnodes")["items"]
        reports = (each for node in nodes for each in node["status"].get("policies", []))
        ours = (each for each in reports if each["name"] == policy)
        told = (refusal for each in ours for refusal in each.get("refusals", []))
        return {each["reason"]: each["message"] for each in told}

    def delete_policy(self, namespace: str, name: str) -> None:
        """Delete an OOMPolicy."""
        self.custom.delete_namespaced_custom_object(GROUP, VERSION, namespace, "oompolicies", name)

    @contextmanager
    def executing(self, namespace: str, pod: str, name: str, *command: str) -> Iterator[None]:
        """Run a command in a container for as long as the block lasts."""
        kubectl = str(self.cluster.programs["kubectl"])
        line = [kubectl, "exec", "-n", namespace, pod, "-c", name, "--", *command]
        running = subprocess.Popen(line, env=self.cluster.environment())
        try:
            yield
        finally:
            running.terminate()
            running.wait()

    def inside(self, namespace: str, pod: str, container: str, script: str) -> str:
        """Run a shell script in a container.

        Raises:
            CommandError: it failed.
        """
        args = ("exec", "-n", namespace, pod, "-c", container, "--", "sh", "-c", script)
        return self.cluster.kubectl(*args)

    def scores_by_command(self, namespace: str, pod: str, container: str) -> list[tuple[str, int]]:
        """Read command line and oom_score_adj of every process that a container sees."""
        script = (
            "for p in /proc/[0-9]*; do n=${p#/proc/}; s=; [ $n = $$ ] || "
            "{ read s <$p/oom_score_adj; echo $s $(tr '\\0' ' ' <$p/cmdline); }; done 2>/dev/null"
        )
        lines = self.inside(namespace, pod, container, script).splitlines()
        pairs = (line.partition(" ") for line in lines)
        return [(command, int(score)) for score, _, command in pairs if command]

    def scores(self, namespace: str, pod: str, container: str) -> dict[int, int]:
        """Read oom_score_adj of every process that a container sees, but not of this reader."""
        script = (
            "for p in /proc/[0-9]*; do n=${p#/proc/}; s=; [ $n = $$ ] || "
            "{ read s <$p/oom_score_adj; echo $n $s; }; done 2>/dev/null"
        )
        args = ("exec", "-n", namespace, pod, "-c", container, "--", "sh", "-c", script)
        lines = [line.split() for line in self.cluster.kubectl(*args).splitlines()]
        return {int(line[0]): int(line[1]) for line in lines if len(line) == 2}


SHORT_INTERVALS = ("agent.intervals.reportSeconds=2", "agent.intervals.lookSeconds=5")
"""Stories would only wait for longer ones."""
NOWHERE = "--set=agent.nodeSelector.nowhere=x,operator.nodeSelector.nowhere=x"
"""No node has that label. The image is not known yet: a node that boots would look for another."""


@dataclass
class Release:
    """The product in the cluster, by its chart."""

    world: World
    chart: Path
    repository: str = ""
    tag: str = ""
    values: Sequence[str] = SHORT_INTERVALS

    def define(self) -> None:
        """Give the chart's objects to the API server: pods that run stay, no others begin."""
        is_there = self.world.cluster.helm("list", "-n", NAMESPACE, "-q").split()
        self._upgrade(self.chart, "--reset-then-reuse-values" if is_there else NOWHERE)

    def install(self, *extra: str, chart: Path | None = None) -> None:
        """Install or upgrade and wait until it is ready."""
        image = (f"image.repository={self.repository}", f"image.tag={self.tag}")
        values = ("--set", ",".join((*image, *self.values)))
        self._upgrade(chart or self.chart, *values, *extra, "--wait")

    def _upgrade(self, chart: Path, *options: str) -> None:
        self.world.cluster.helm(
            "upgrade", "--install", "oomwarden", str(chart),
            "--namespace", NAMESPACE, "--create-namespace", *options,
            "--timeout", "5m", "--force-conflicts",  # faults change what is Helm's
        )  # fmt: skip

    def uninstall(self) -> str:
        """Uninstall and wait for the hooks; gives what Helm and they say."""
        cluster = self.world.cluster
        words = ("uninstall", "oomwarden", "-n", NAMESPACE, "--timeout", "5m")
        both = ("sh", "-c", '"$0" "$@" 2>&1', cluster.helm_program())
        return run(*both, *words, env=cluster.environment())

    def agents(self) -> list[Any]:
        """List the agents' pods."""
        selector = "app.kubernetes.io/component=agent"
        return list(self.world.core.list_namespaced_pod(NAMESPACE, label_selector=selector).items)

    def restarts(self) -> dict[str, int]:
        """How often each of the product's pods was restarted."""
        found = self.world.core.list_namespaced_pod(NAMESPACE).items
        return {
            each.metadata.name: sum(one.restart_count for one in each.status.container_statuses)
            for each in found
        }
