"""Pods, nodes and policies as manifests, for tests of previews."""

from typing import Any

from oomwarden.core.enforcement.scoring import Floor
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED, Policy, parse_policy
from oomwarden.core.policy_preview.cluster_state import ClusterState, PlannedNode, PolicyChange
from oomwarden.core.policy_preview.manifests import Manifests
from oomwarden.core.policy_preview.plan_report import PlanReport, plan_report

Manifest = dict[str, Any]
GI = 1 << 30


def running(name: str = "api-1", namespace: str = "shop", **parts: Any) -> Manifest:  # noqa: ANN401
    """Return a Pod; `parts` are labels, containers, owner, node, or fields of its spec."""
    owner, node = parts.pop("owner", None), parts.pop("node", "n1")
    containers = parts.pop("containers", [with_memory("app", "1Gi", "2Gi")])
    references = {"ownerReferences": [{**owner, "controller": True}]} if owner else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{namespace}-{name}",
            "labels": parts.pop("labels", {"app": "api"}),
            **references,
        },
        "spec": {"nodeName": node, "containers": containers, **parts},
        "status": {"phase": "Running"},
    }


def with_memory(name: str, request: str | None = None, limit: str | None = None) -> Manifest:
    """Return a container."""
    sizes = {"requests": request, "limits": limit}
    return {
        "name": name,
        "resources": {key: {"memory": size} for key, size in sizes.items() if size},
    }


def node(name: str = "n1", memory: str = "10Gi", **labels: str) -> Manifest:
    """Return a Node."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {"capacity": {"memory": memory}},
    }


def policy_manifest(name: str = "p", namespace: str | None = "shop", **spec: object) -> Manifest:
    """Return an OOMPolicy, or a ClusterOOMPolicy without a namespace."""
    whole = {"podSelector": {"matchLabels": {"app": "api"}}, "rules": [{"oomScoreAdj": -300}]}
    return {
        "apiVersion": "oomwarden.io/v1alpha1",
        "kind": NAMESPACED if namespace else CLUSTER,
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "spec": whole | spec,
    }


def parsed(manifest: Manifest) -> Policy:
    """Return the policy of a manifest."""
    return parse_policy(manifest["kind"], manifest)


def state_of(*manifests: Manifest, floor: int | None = -500, **unknown: Any) -> ClusterState:  # noqa: ANN401
    """Return the state that objects make up."""
    objects = Manifests()
    objects.add(manifests)
    return ClusterState(
        pods=objects.pods("shop"),
        policies=objects.policies("shop"),
        namespaces=objects.namespaces(),
        nodes=objects.nodes(with_agents=bool(objects.of("OOMNode"))),
        other_nodes=PlannedNode(**unknown),
        floor=Floor(floor),
    )


def report_on(state: ClusterState, *manifests: Manifest, deleted: bool = False) -> PlanReport:
    """Return what applying or deleting policies does."""
    return plan_report(state, [PolicyChange(parsed(each), deleted) for each in manifests])
