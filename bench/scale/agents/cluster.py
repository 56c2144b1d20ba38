"""A cluster as agents see it: nodes and pods as KWOK makes them, policies, the chart's RBAC."""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml
from oomwarden.core.model.mode import MODE_CONFIGMAP
from oomwarden.core.quota.pressure import NAME as PRESSURE
from oomwarden.core.quota.pressure import Pressure, to_config_map

from bench.scale import objects
from bench.scale.api import CONNECTIONS, MERGE, Api, Call, RefusedError
from bench.scale.objects import NAMESPACE, OURS, TEAMS, Object

ACCOUNT = "oomwarden-agent"
_MANIFEST = Path(__file__).resolve().parents[3] / "deploy" / "manifests" / "install.yaml"
_NOT_RUN = {"DaemonSet", "Deployment"}
_APIS = {
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Namespace": "/api/v1/namespaces",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "ValidatingAdmissionPolicy":
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding":
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
}  # fmt: skip
_IMAGES = 40
_SERVED_SECONDS, _POLL_SECONDS = 60.0, 0.3
_DAY_SECONDS = 86_400


def node_name(number: int) -> str:
    """Return the name of a node."""
    return f"node-{number:04}"


def release() -> Iterator[Call]:
    """Yield the creation of what the chart installs, except for what would run."""
    for each in yaml.safe_load_all(_MANIFEST.read_text(encoding="utf-8")):
        if each and each["kind"] not in _NOT_RUN:
            path = _APIS[each["kind"]].format(each["metadata"].get("namespace", ""))
            yield Call("POST", path, each)


def _mode() -> Call:
    control = {"metadata": {"name": MODE_CONFIGMAP}, "data": {"mode": "Enforce"}}
    return Call("POST", f"/api/v1/namespaces/{NAMESPACE}/configmaps", control)


def pressure(nodes: int) -> Call:
    """Return what an operator publishes."""
    data = to_config_map(Pressure(nodes=nodes))
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{PRESSURE}"
    return Call("PATCH", path, {"data": data}, MERGE)


def node(number: int) -> Call:
    """Return the creation of a Node with the status that a kubelet writes."""
    name = node_name(number)
    amounts = {"cpu": "32", "memory": "131072000Ki", "pods": "110", "ephemeral-storage": "200Gi"}
    images = [{"names": [f"registry.example/app-{each}@sha256:{each:064}"], "sizeBytes": 10**8}
              for each in range(_IMAGES)]  # fmt: skip
    conditions = [
        {"type": each, "status": "False", "reason": "KubeletHas", "message": "kubelet"}
        for each in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
    ]
    return Call("POST", "/api/v1/nodes", {
        "metadata": {"name": name, "labels": {
            "kubernetes.io/hostname": name, "kubernetes.io/os": "linux",
            "topology.kubernetes.io/zone": f"zone-{number % 3}", "pool": f"pool-{number % 10}",
            **{f"feature.node.kubernetes.io/cpu-{each}": "true" for each in range(20)},
        }},
        "status": {"capacity": amounts, "allocatable": amounts, "images": images,
                   "conditions": conditions},
    })  # fmt: skip


def pod(number: int, place: int) -> tuple[str, Object]:
    """Return namespace and manifest of a node's pod, with some of what pods usually have."""
    namespace = f"team-{(number + place) % TEAMS}"
    variables = [{"name": f"SETTING_{each}", "value": f"value-{each}" * 3} for each in range(20)]
    resources = {"requests": {"memory": "256Mi", "cpu": "100m"}, "limits": {"memory": "512Mi"}}
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10}
    return namespace, {
        "metadata": {
            "name": f"app-{number:04}-{place}", "labels": {"app": f"app-{place}", "tier": "web"},
            "annotations": {"checksum/config": "0" * 64, "prometheus.io/scrape": "true"},
        },
        "spec": {
            "nodeName": node_name(number), "automountServiceAccountToken": False,
            "containers": [
                {"name": name, "image": f"registry.example/{name}:1.0", "env": variables,
                 "resources": resources, "livenessProbe": probe, "readinessProbe": probe,
                 "volumeMounts": [{"name": "cache", "mountPath": "/cache"}]}
                for name in ("app", "proxy")
            ],
            "volumes": [{"name": "cache", "emptyDir": {}}],
        },
    }  # fmt: skip


def _create_pod(number: int, place: int) -> Call:
    namespace, manifest = pod(number, place)
    return Call("POST", f"/api/v1/namespaces/{namespace}/pods", manifest)


def _run_pod(number: int, place: int) -> Call:
    namespace, manifest = pod(number, place)
    name = manifest["metadata"]["name"]
    started = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    return Call("PATCH", f"/api/v1/namespaces/{namespace}/pods/{name}/status", {"status": {
        "phase": "Running", "qosClass": "Burstable", "startTime": "2026-01-01T00:00:00Z",
        "containerStatuses": [
            {"name": each, "ready": True, "restartCount": 0, "image": each, "imageID": "0" * 64,
             "containerID": f"containerd://{number:060x}{place:04x}", "state": started}
            for each in ("app", "proxy")
        ],
    }}, MERGE)  # fmt: skip


def cluster_policy(name: str, score: int) -> Call:
    """Return the creation of a ClusterOOMPolicy that concerns all nodes."""
    return Call("POST", f"{OURS}/clusteroompolicies", {
        "apiVersion": "oomwarden.io/v1alpha1", "kind": "ClusterOOMPolicy",
        "metadata": {"name": name},
        "spec": {"namespaceSelector": {}, "podSelector": {}, "rules": [{"oomScoreAdj": score}]},
    })  # fmt: skip


def create_cluster(api: Api, nodes: int, pods: int, policies: int) -> None:
    """Create everything but the agents.

    Args:
        api: Sends the requests.
        nodes: Number of nodes.
        pods: Number of pods of each node.
        policies: Number of OOMPolicies, which share the namespaces of the pods.
    """
    for each in release():
        api.send(each)
    api.send_all(_new_namespaces())
    api.send(_mode())
    api.send(pressure(nodes))
    _send_when_served(api, cluster_policy("baseline", 100))
    api.send_all(objects.policies(policies))
    api.send_all(node(number) for number in range(nodes))
    places = [(number, place) for number in range(nodes) for place in range(pods)]
    api.send_all(_create_pod(*each) for each in places)
    api.send_all(_run_pod(*each) for each in places)


def _new_namespaces() -> Iterator[Call]:
    return (each for each in objects.namespaces() if each.body["metadata"]["name"] != NAMESPACE)


def _send_when_served(api: Api, call: Call) -> None:
    """Send a request for a resource whose CRD was just created."""
    deadline = time.monotonic() + _SERVED_SECONDS
    while True:
        try:
            api.send(call)
        except RefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_SECONDS)
        else:
            return


def create_tokens(api: Api, nodes: int, folder: Path) -> dict[str, Path]:
    """Create an agent's pod on each node, and its token, which names the node.

    Returns:
        The token file by node.
    """
    pods = [_agent_pod(number) for number in range(nodes)]
    folder.mkdir()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        created = list(pool.map(api.send, pods))
        answers = pool.map(api.send, map(_token_request, created))
        return {
            pod["spec"]["nodeName"]: _stored(folder, pod["spec"]["nodeName"], answer)
            for pod, answer in zip(created, answers, strict=True)
        }


def _agent_pod(number: int) -> Call:
    return Call("POST", f"/api/v1/namespaces/{NAMESPACE}/pods", {
        "metadata": {"name": f"oomwarden-agent-{number:04}"},
        "spec": {"nodeName": node_name(number), "serviceAccountName": ACCOUNT,
                 "containers": [{"name": "agent", "image": "oomwarden"}]},
    })  # fmt: skip


def _token_request(pod: Object) -> Call:
    owner = {"apiVersion": "v1", "kind": "Pod", "name": pod["metadata"]["name"],
             "uid": pod["metadata"]["uid"]}  # fmt: skip
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{ACCOUNT}/token"
    return Call("POST", path, {
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {"expirationSeconds": _DAY_SECONDS, "boundObjectRef": owner},
    })  # fmt: skip


def _stored(folder: Path, name: str, answer: dict[str, Any]) -> Path:
    path = folder / name
    path.write_text(answer["status"]["token"])
    return path


def names(numbers: Iterable[int]) -> list[str]:
    """Return the names of nodes."""
    return [node_name(each) for each in numbers]
