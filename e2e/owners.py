"""Owners of pods of every kind that `kubectl oom why` writes patches for."""

from collections.abc import Iterator
from typing import Any

from kubernetes import client

from e2e.workloads import Manifest, container
from e2e.world import World, eventually

APP = container("app", "none", limit="64Mi", request="64Mi")
_LABELS = {"app": "story"}
_NOWHERE = {"no": "node"}
_TEMPLATE: Manifest = {"metadata": {"labels": _LABELS}, "spec": {"containers": [APP]}}
_ONCE: Manifest = {"spec": {"containers": [APP], "restartPolicy": "Never"}}
_SCALED: Manifest = {"replicas": 0, "selector": {"matchLabels": _LABELS}, "template": _TEMPLATE}
_SPECS: dict[str, Manifest] = {
    "Deployment": {"apiVersion": "apps/v1", "spec": _SCALED},
    "StatefulSet": {"apiVersion": "apps/v1", "spec": {**_SCALED, "serviceName": "none"}},
    "DaemonSet": {
        "apiVersion": "apps/v1",
        "spec": {
            "selector": {"matchLabels": _LABELS},
            "template": {
                **_TEMPLATE,
                "spec": {**_TEMPLATE["spec"], "nodeSelector": _NOWHERE},
            },
        },
    },
    "Job": {"apiVersion": "batch/v1", "spec": {"suspend": True, "template": _ONCE}},
    "CronJob": {
        "apiVersion": "batch/v1",
        "spec": {
            "schedule": "0 0 1 1 *",
            "suspend": True,
            "jobTemplate": {"spec": {"template": _ONCE}},
        },
    },
    "Rollout": {"apiVersion": "argoproj.io/v1alpha1", "spec": _SCALED},
}
KINDS = (*_SPECS, "Pod")
_ROLLOUTS: Manifest = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "rollouts.argoproj.io"},
    "spec": {
        "group": "argoproj.io",
        "scope": "Namespaced",
        "names": {"kind": "Rollout", "plural": "rollouts", "singular": "rollout"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}
"""Argo Rollouts' resource, without the schema that its controller needs."""


def define_rollouts(world: World) -> Iterator[None]:
    """Define Rollouts while a story runs, unless the cluster has them; for fixtures."""
    api = client.ApiextensionsV1Api(world.api)
    names = {each.metadata.name for each in api.list_custom_resource_definition().items}
    is_ours = _ROLLOUTS["metadata"]["name"] not in names
    if is_ours:
        world.apply(_ROLLOUTS)

        def served() -> bool:
            """The API server serves Rollouts."""
            found = client.ApisApi(world.api).get_api_versions().groups
            return any(each.name == "argoproj.io" for each in found)

        eventually(served, every=0.2)
    yield
    if is_ours:
        api.delete_custom_resource_definition(_ROLLOUTS["metadata"]["name"])


def owner_object(namespace: str, kind: str) -> Manifest:
    """Return an owner that creates no pods, or a pod without an owner."""
    if kind == "Pod":
        found: Manifest = {
            "apiVersion": "v1",
            "spec": {"containers": [APP], "nodeSelector": _NOWHERE},
        }
    else:
        found = _SPECS[kind]
    return {"kind": kind, "metadata": {"name": kind.lower(), "namespace": namespace}, **found}


def child(namespace: str, kind: str, owner: Any) -> Manifest:
    """Return the Job of a CronJob, or the ReplicaSet of a Rollout."""
    reference = {"kind": kind, "name": kind.lower(), "uid": owner["metadata"]["uid"]}
    reference |= {"apiVersion": owner["apiVersion"], "controller": True}
    kinds = {"CronJob": ("Job", _SPECS["Job"]), "Rollout": ("ReplicaSet", _SPECS["Deployment"])}
    of, found = kinds[kind]
    name = f"{kind.lower()}-29000000"
    metadata = {"name": name, "namespace": namespace, "ownerReferences": [reference]}
    return {"kind": of, "metadata": metadata, **found}
