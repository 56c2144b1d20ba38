"""Malformed objects that the API server accepts stop nothing, and their faults are reported."""

import json
from functools import partial
from typing import Any

from e2e.conditions import conditions
from e2e.test_bad_input import sleeper
from e2e.workloads import policy
from e2e.world import GROUP, VERSION, Release, World, eventually


def deeply_nested_patch(kind: str, version: str) -> str:
    """Return a patch whose managedFields are nested deeper than Python's parser allows."""
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
    """Return a pod that is bound to a node by name; its finalizer keeps it there."""
    manifest = sleeper(world, namespace, name)
    manifest["spec"]["nodeName"] = node
    manifest["metadata"] |= {"finalizers": ["example.com/keep"], **metadata}
    return manifest


def malformed_metadata(claimed_uid: str) -> dict[str, dict[str, Any]]:
    """Return metadata by pod name; one pod claims to be the mirror of another one."""
    owner = {
        "apiVersion": "v1", "kind": "K" * 254, "name": "n; sh\n", "uid": "u", "controller": True,
    }  # fmt: skip
    claim = {f"kubernetes.io/config.{key}": claimed_uid for key in ("mirror", "hash")}
    return {
        "owned": {"ownerReferences": [owner]},
        "lines": {"annotations": {"note": "one\u0085two\u2028three"}},
        "mirror": {"annotations": claim},
    }


def test_malformed_objects_stop_neither_agent_nor_operator_and_are_reported(
    world: World, release: Release, namespace: str
) -> None:
    restarts = release.restarts()
    (agent,) = release.agents()
    node = agent.spec.node_name
    world.apply(policy(namespace, "all", {"app": "sleeper"}, {"oomScoreAdj": -321}))
    world.apply(sleeper(world, namespace, "victim"))
    world.wait_until_running(namespace, "victim")
    odd = malformed_metadata(world.pod(namespace, "victim").metadata.uid)
    for name, metadata in odd.items():
        world.core.create_namespaced_pod(
            namespace, odd_pod(world, namespace, name, node, **metadata)
        )
    kubectl = world.cluster.kubectl
    for kind, name, patch in (
        ("pod", "lines", deeply_nested_patch("pod", "v1")),
        ("oompolicy", "all", deeply_nested_patch("p", f"{GROUP}/{VERSION}")),
    ):
        kubectl("patch", kind, name, "-n", namespace, "--type=merge", "-p", patch)

    def objects_understood() -> dict[str, str]:
        return conditions(world.node_report(node))["ObjectsUnderstood"]

    try:
        named = f"Pod {namespace}/mirror: its config.hash was not made by the kubelet"
        found = eventually(
            lambda: seen if named in (seen := objects_understood())["message"] else {}
        )
        assert found["status"] == "False"
        world.apply(sleeper(world, namespace, "later"))
        world.wait_until_running(namespace, "later")
        for name in ("victim", "later"):
            eventually(partial(world.all_have_score, namespace, name, -321))
        enforced = ("get", "oompolicy", "all", "-n", namespace, "-o", "jsonpath={.status.enforced}")
        eventually(
            lambda: int(kubectl(*enforced) or 0) > 1
        )  # nested deeper than the test's own client can parse
    finally:
        for name in odd:
            kubectl("patch", "pod", name, "-n", namespace, "--type=merge",
                    "-p", '{"metadata":{"finalizers":null}}')  # fmt: skip
            kubectl("delete", "pod", name, "-n", namespace, "--force", "--ignore-not-found")
    eventually(lambda: objects_understood()["status"] == "True")
    assert release.restarts() == restarts
