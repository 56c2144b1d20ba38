"""Objects of any shape that the API server takes stop nothing, and what is odd in them is named."""

import json
from functools import partial
from typing import Any

from e2e.conditions import conditions
from e2e.test_bad_input import holds, sleeper
from e2e.workloads import policy
from e2e.world import GROUP, VERSION, Release, World, eventually


def deep(kind: str, version: str) -> str:
    """Write a patch whose managedFields are nested far deeper than Python reads."""
    fields = '{"f:a":' * 5_000 + "{}" + "}" * 5_000
    entry: dict[str, Any] = {
        "manager": "deep",
        "operation": "Update",
        "apiVersion": version,
        "fieldsType": "FieldsV1",
    }
    entry |= {"time": "2026-01-02T03:04:05Z", "fieldsV1": {"f:metadata": "FIELDS"}}
    patch = {"metadata": {"labels": {"of": kind}, "managedFields": [entry]}}
    return json.dumps(patch).replace('"FIELDS"', fields)


def odd_pod(world: World, namespace: str, name: str, node: str, **metadata: Any) -> dict[str, Any]:
    """Describe a pod that its creator puts on a node by name; its finalizer keeps it there."""
    manifest = sleeper(world, namespace, name)
    manifest["spec"]["nodeName"] = node
    manifest["metadata"] |= {"finalizers": ["example.com/keep"], **metadata}
    return manifest


def test_objects_of_any_shape_stop_neither_agent_nor_operator_and_are_named(
    world: World, release: Release, namespace: str
) -> None:
    restarts = release.restarts()
    (agent,) = release.agents()
    node = agent.spec.node_name
    world.apply(policy(namespace, "all", {"app": "sleeper"}, {"oomScoreAdj": -321}))
    world.apply(sleeper(world, namespace, "victim"))
    world.running(namespace, "victim")
    uid = world.pod(namespace, "victim").metadata.uid
    owner = {
        "apiVersion": "v1",
        "kind": "K" * 254,
        "name": "n; sh\n",
        "uid": "u",
        "controller": True,
    }
    claim = {f"kubernetes.io/config.{key}": uid for key in ("mirror", "hash")}
    odd: dict[str, dict[str, Any]] = {
        "owned": {"ownerReferences": [owner]},
        "lines": {"annotations": {"note": "one\u0085two\u2028three"}},
        "mirror": {"annotations": claim},
    }
    for name, metadata in odd.items():
        world.core.create_namespaced_pod(
            namespace, odd_pod(world, namespace, name, node, **metadata)
        )
    kubectl, version = world.cluster.kubectl, f"{GROUP}/{VERSION}"
    kubectl("patch", "pod", "lines", "-n", namespace, "--type=merge", "-p", deep("pod", "v1"))
    kubectl("patch", "oompolicy", "all", "-n", namespace, "--type=merge", "-p", deep("p", version))

    def understood() -> dict[str, str]:
        return conditions(world.node_report(node))["ObjectsUnderstood"]

    try:
        named = f"Pod {namespace}/mirror: its config.hash is no hash"
        found = eventually(lambda: told if named in (told := understood())["message"] else {})
        assert found["status"] == "False"
        world.apply(sleeper(world, namespace, "later"))
        world.running(namespace, "later")
        for name in ("victim", "later"):
            eventually(partial(holds, world, namespace, name, -321))
        enforced = ("get", "oompolicy", "all", "-n", namespace, "-o", "jsonpath={.status.enforced}")
        eventually(lambda: int(kubectl(*enforced) or 0) > 1)  # deeper than our own client reads
    finally:
        for name in odd:
            kubectl("patch", "pod", name, "-n", namespace, "--type=merge",
                    "-p", '{"metadata":{"finalizers":null}}')  # fmt: skip
            kubectl("delete", "pod", name, "-n", namespace, "--force", "--ignore-not-found")
    eventually(lambda: understood()["status"] == "True")
    assert release.restarts() == restarts
