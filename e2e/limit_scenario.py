"""Pods whose memory limits policies and people change."""

import json
from typing import Any

from e2e.conditions import conditions
from e2e.examples import example
from e2e.lab.errors import CommandError
from e2e.workloads import family, pod, policy
from e2e.world import World, eventually

MI = 1 << 20


class LimitScenario:
    """Several pods together, each with its own policy: an OOMNode is only written each 10 s."""

    def __init__(self, world: World, namespace: str) -> None:
        self.world, self.namespace = world, namespace
        self.image = world.cluster.busybox_image

    def start_pod(self, name: str, *containers: dict[str, Any]) -> None:
        """Start a pod with a request of 32Mi and a limit of 64Mi, or with these containers."""
        described = containers or (family(self.image),)
        self.world.apply(pod(self.namespace, name, *described, app=name))

    def start_guaranteed(self, name: str) -> None:
        described = family(self.image)
        described["resources"] = {"limits": {"memory": "64Mi", "cpu": "100m"}}
        self.start_pod(name, described)

    def start_with_cpu_request(self, name: str) -> None:
        described = family(self.image)
        described["resources"] = {"requests": {"cpu": "10m"}}
        self.start_pod(name, described)

    def apply_limit_policy(self, name: str, limit: str | int) -> None:
        rule = {"memory": {"limit": limit}}
        self.world.apply(policy(self.namespace, name, {"app": name}, rule))

    def apply_example_policy(self, name: str) -> None:
        """Apply the example policy, which sets a limit of 512Mi."""
        self.world.apply(example("memory-limits", self.namespace, name=name, labels={"app": name}))

    def limit(self, name: str) -> int:
        """Return the container's limit in the kernel, in Mi; 0 while it is not running."""
        return self._read(name, "memory.max")

    def usage(self, name: str) -> int:
        """Return the container's memory usage, in Mi; 0 while it is not running."""
        return self._read(name, "memory.current")

    def _read(self, name: str, file: str) -> int:
        try:
            content = self.world.run_in_container(
                self.namespace, name, "app", f"cat /sys/fs/cgroup/{file}"
            )
        except CommandError:
            return 0
        return int(content) // MI

    def pods(self) -> list[str]:
        found = self.world.core.list_namespaced_pod(self.namespace).items
        return [each.metadata.name for each in found]

    def wait_for_limit(self, name: str, limit: int, seconds: float = 60) -> int:
        return eventually(lambda: self.limit(name) == limit and limit, seconds)

    def refusal_message(self, name: str) -> str:
        """Return the message of the policy's Refused condition."""
        found = self.world.policy(self.namespace, name)
        return conditions(found).get("Refused", {}).get("message", "")

    def wait_for_refusal(self, name: str, words: str, seconds: float = 60) -> str:
        def message_seen() -> str:
            message = self.refusal_message(name)
            return message if words in message else ""

        message_seen.__doc__ = f"policy {name} reports `{words}`"
        return eventually(message_seen, seconds)

    def forge_field_managers(self, name: str) -> None:
        """Forge field managers that resized the pod, as anyone who may patch pods can."""
        shown = ("get", "pod", name, "-n", self.namespace, "-o", "json", "--show-managed-fields")
        entries = json.loads(self.world.cluster.kubectl(*shown))["metadata"]["managedFields"]
        limits: dict[str, Any] = {"f:resources": {"f:limits": {"f:memory": {}}}}
        fields = {"f:spec": {"f:containers": {'k:{"name":"app"}': limits}}}
        for manager in ("oomwarden-limit/app/68719476736", "oomwarden-limit/app", "someone"):
            entries.append({
                "manager": manager, "operation": "Update", "apiVersion": "v1",
                "time": "2026-01-01T00:00:00Z", "subresource": "resize",
                "fieldsType": "FieldsV1", "fieldsV1": fields,
            })  # fmt: skip
        patch = {"metadata": {"managedFields": entries}}
        where = ("patch", "pod", name, "-n", self.namespace, "--type", "merge")
        self.world.cluster.kubectl(*where, "-p", json.dumps(patch))
        kept = json.loads(self.world.cluster.kubectl(*shown))["metadata"]["managedFields"]
        assert "someone" in {each["manager"] for each in kept}, "otherwise the test shows nothing"

    def resize_by_hand(self, name: str, memory: str) -> None:
        """Change the limit with kubectl, as a person would."""
        change = {"containers": [{"name": "app", "resources": {"limits": {"memory": memory}}}]}
        patch = ("patch", "pod", name, "-n", self.namespace, "--subresource", "resize")
        self.world.cluster.kubectl(*patch, "-p", json.dumps({"spec": change}))

    def delete_policy(self, name: str) -> None:
        self.world.delete_policy(self.namespace, name)
