"""A healthy release of oomwarden as the API server returns it, for `kubectl oom doctor`."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from oomwarden import __version__
from oomwarden.api.schema.crds import manifests
from oomwarden.core.quota.pressure import Pressure, conditions, to_config_map

from tests.support.fake_cluster import FakeCluster
from tests.support.node_objects import Object, node, oomnode

NAMESPACE = "oomwarden"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_LABELS = {
    "app.kubernetes.io/part-of": "oomwarden",
    "app.kubernetes.io/instance": "oomwarden",
    "app.kubernetes.io/version": __version__,
}
_OPENAPI = "/openapi/v3/apis/oomwarden.io/v1alpha1?hash=1"


def workload(kind: str, component: str, **spec: Any) -> Object:  # noqa: ANN401 - JSON
    labels = _LABELS | {"app.kubernetes.io/component": component}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {
            "name": f"oomwarden-{component}", "namespace": NAMESPACE, "labels": labels,
        },
        "spec": {"selector": {"matchLabels": {"component": component}}, **spec},
        "status": {"availableReplicas": 1},
    }  # fmt: skip


def agent_pod(of_node: str = "node-1", ready: str = "True", **status: Any) -> Object:  # noqa: ANN401
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"agent-{of_node}", "namespace": NAMESPACE, "labels": {"component": "agent"},
        },
        "spec": {"nodeName": of_node},
        "status": {"conditions": [{"type": "Ready", "status": ready}], **status},
    }  # fmt: skip


def config_map(name: str, **data: str) -> Object:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def pressure(level: Pressure = Pressure(), skipped: str = "", at: str = "") -> Object:  # noqa: B008
    renewed = at or datetime.now(UTC).isoformat(timespec="seconds")
    data = {**to_config_map(level), **conditions(skipped), "renewed": renewed}
    return config_map("oomwarden-pressure", **data)


def admission(end: str) -> list[Object]:
    name = f"oomwarden-{end}"
    parts = {
        "ValidatingAdmissionPolicy": {},
        "ValidatingAdmissionPolicyBinding": {"policyName": name, "validationActions": ["Deny"]},
    }
    return [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": name, "labels": _LABELS},
            "spec": spec,
        }
        for kind, spec in parts.items()
    ]


def schemas() -> Object:
    """Return OpenAPI v3 of the kinds, and of others that the API server lists with them."""
    found: Object = {
        kind: {
            "x-kubernetes-group-version-kind": [
                {"group": "apps", "kind": kind, "version": "v1"},
                {"group": "oomwarden.io", "kind": kind, "version": "v1alpha1"},
            ],
            "properties": {"items": {"type": "array"}},
        }
        for kind in ("DeleteOptions", "OOMNodeList", "WatchEvent")
    }
    for manifest in manifests().values():
        kind = manifest["spec"]["names"]["kind"]
        schema = manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        found[kind] = schema | {"x-kubernetes-group-version-kind": [{"kind": kind}]}
    return {"components": {"schemas": found}}


def answer_reviews(allowed: Callable[[Object], bool]) -> Callable[[Object], tuple[int, Object]]:
    """Return what answers access reviews."""

    def answer(review: Object) -> tuple[int, Object]:
        attributes = review["spec"]["resourceAttributes"]
        return 201, {"status": {"allowed": allowed(attributes)}}

    return answer


def install(cluster: FakeCluster) -> None:
    """Add a release with one node, with which all is well."""
    cluster.resources |= {
        "nodes", "daemonsets", "deployments", "configmaps", "oompolicies", "clusteroompolicies",
        "validatingadmissionpolicies", "validatingadmissionpolicybindings",
    }  # fmt: skip
    path = _OPENAPI.partition("?")[0]
    index = {"paths": {"apis/oomwarden.io/v1alpha1": {"serverRelativeURL": _OPENAPI}}}
    cluster.answers |= {
        ("GET", "/version"): (200, {"gitVersion": "v1.37.0"}),
        ("GET", "/openapi/v3"): (200, index),
        ("GET", path): (200, schemas()),
        ("POST", REVIEWS): answer_reviews(lambda _: True),
    }
    cluster.add(
        workload("DaemonSet", "agent"),
        workload("Deployment", "operator"),
        config_map("oomwarden-control", mode="Enforce"),
        pressure(),
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        node(),
        oomnode(),
        agent_pod(),
    )
    for end in ("node-bound", "operator-bound", "operator-bound-switch"):
        cluster.add(*admission(end))
