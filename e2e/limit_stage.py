"""Pods whose memory limits policies and people change."""

import json
from typing import Any

from e2e.conditions import conditions
from e2e.examples import example
from e2e.lab.errors import CommandError
from e2e.workloads import family, pod, policy
from e2e.world import World, eventually

MI = 1 << 20


class Stage:
    """Pods side by side, each under a policy of its own name: an OOMNode is written each 10 s."""

    def __init__(self, world: World, namespace: str) -> None:
        self.world, self.namespace = world, namespace
        self.image = world.cluster.busybox_image

    def start(self, name: str, *containers: dict[str, Any]) -> None:
        """Start a pod with a request of 32Mi and a limit of 64Mi, or with these containers."""
        described = containers or (family(self.image),)
        self.world.apply(pod(self.namespace, name, *described, app=name))

    def guaranteed(self, name: str) -> None:
        described = family(self.image)
        described["resources"] = {"limits": {"memory": "64Mi", "cpu": "100m"}}
        self.start(name, described)

    def cpu_only(self, name: str) -> None:
        described = family(self.image)
        described["resources"] = {"requests": {"cpu": "10m"}}
        self.start(name, described)

    def ask(self, name: str, limit: str | int) -> None:
        rule = {"memory": {"limit": limit}}
        self.world.apply(policy(self.namespace, name, {"app": name}, rule))

    def ask_by_example(self, name: str) -> None:
        """Ask for the limit of the example, 512Mi."""
        self.world.apply(example("memory-limits", self.namespace, name=name, labels={"app": name}))

    def limit(self, name: str) -> int:
        """What the kernel holds the container to, in Mi; 0 while it does not run."""
        return self._read(name, "memory.max")

    def usage(self, name: str) -> int:
        """What the container holds, in Mi; 0 while it does not run."""
        return self._read(name, "memory.current")

    def _read(self, name: str, file: str) -> int:
        try:
            told = self.world.inside(self.namespace, name, "app", f"cat /sys/fs/cgroup/{file}")
        except CommandError:
            return 0
        return int(told) // MI

    def pods(self) -> list[str]:
        found = self.world.core.list_namespaced_pod(self.namespace).items
        return [each.metadata.name for each in found]

    def reaches(self, name: str, limit: int, seconds: float = 60) -> int:
        return eventually(lambda: self.limit(name) == limit and limit, seconds)

    def refused(self, name: str) -> str:
        """What the policy says to whoever looks at it."""
        found = self.world.policy(self.namespace, name)
        return conditions(found).get("Refused", {}).get("message", "")

    def says(self, name: str, words: str, seconds: float = 60) -> str:
        def heard() -> str:
            told = self.refused(name)
            return told if words in told else ""

        heard.__doc__ = f"{name} says `{words}`"
        return eventually(heard, seconds)

    def forge(self, name: str) -> None:
        """Write who resized a pod into its managedFields, as whoever may patch pods can."""
        shown = ("get", "pod", name, "-n", self.namespace, "-o", "json", "--show-managed-fields")
        entries = json.loads(self.world.cluster.kubectl(*shown))["metadata"]["managedFields"]
        limits: dict[str, Any] = {"f:resources": {"f:limits": {"f:memory": {}}}}
        fields = {"f:spec": {"f:containers": {'k:{"name":"app"}': limits}}}
        for manager in ("oomwarden-limit/app/68719476736", "oomwarden-limit/app", "somebody"):
            entries.append({
                "manager": manager, "operation": "Update", "apiVersion": "v1",
                "time": "2026-01-01T00:00:00Z", "subresource": "resize",
                "fieldsType": "FieldsV1", "fieldsV1": fields,
            })  # fmt: skip
        patch = {"metadata": {"managedFields": entries}}
        where = ("patch", "pod", name, "-n", self.namespace, "--type", "merge")
        self.world.cluster.kubectl(*where, "-p", json.dumps(patch))
        kept = json.loads(self.world.cluster.kubectl(*shown))["metadata"]["managedFields"]
        assert "somebody" in {each["manager"] for each in kept}, "else nothing is shown"

    def resize(self, name: str, memory: str) -> None:
        """Change the limit as a person would."""
        change = {"containers": [{"name": "app", "resources": {"limits": {"memory": memory}}}]}
        patch = ("patch", "pod", name, "-n", self.namespace, "--subresource", "resize")
        self.world.cluster.kubectl(*patch, "-p", json.dumps({"spec": change}))

    def end(self, name: str) -> None:
        self.world.delete_policy(self.namespace, name)
