"""What a fleet has stored: policies, OOMNodes, OOMKills, pods with resize requests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from oomwarden.api.vocabulary import GROUP, VERSION

from bench.reports_of_nodes import oomnode
from bench.scale.api import MERGE, Call

Object = dict[str, Any]
OURS = f"/apis/{GROUP}/{VERSION}"
NAMESPACE = "oomwarden"
TEAMS = 20
"""Namespaces of the policies."""
KILL_NAMESPACES = 200
RESIZED = "resized"
"""The namespace of the pods whose memory limits are requested, and of their policy."""
_CRDS = Path(__file__).resolve().parents[2] / "deploy" / "crds"
_POD = "/api/v1/namespaces/{}/pods"


def crds() -> Iterator[Call]:
    """Yield the creation of the CRDs."""
    for path in sorted(_CRDS.glob("*.yaml")):
        manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
        yield Call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", manifest)


def namespaces() -> Iterator[Call]:
    """Yield the creation of all namespaces."""
    teams = [f"team-{number}" for number in range(TEAMS)]
    kills = [f"apps-{number}" for number in range(KILL_NAMESPACES)]
    for name in (NAMESPACE, RESIZED, *teams, *kills):
        yield Call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})


def settings() -> Iterator[Call]:
    """Yield the creation of the ConfigMaps that exist beside an operator."""
    mode = {"metadata": {"name": "oomwarden-control"}, "data": {"mode": "Enforce"}}
    for each in (mode, {"metadata": {"name": "oomwarden-pressure"}}):
        yield Call("POST", f"/api/v1/namespaces/{NAMESPACE}/configmaps", each)


def policy_path(number: int) -> str:
    """Return the path of a policy that every node reports."""
    return f"{OURS}/namespaces/team-{number % TEAMS}/oompolicies/p{number:04}"


def policies(count: int) -> Iterator[Call]:
    """Yield the creation of the policies that every node reports."""
    for number in range(count):
        path, name = policy_path(number).rsplit("/", 1)
        yield Call("POST", path, {
            "apiVersion": f"{GROUP}/{VERSION}", "kind": "OOMPolicy", "metadata": {"name": name},
            "spec": {"podSelector": {}, "rules": [{"oomScoreAdj": 100}]},
        })  # fmt: skip


def raising_policy() -> Call:
    """Return the creation of a ClusterOOMPolicy for which every kill may need a response."""
    return Call("POST", f"{OURS}/clusteroompolicies", {
        "apiVersion": f"{GROUP}/{VERSION}", "kind": "ClusterOOMPolicy",
        "metadata": {"name": "raise"},
        "spec": {"namespaceSelector": {}, "podSelector": {},
                 "rules": [{"onOOM": {"raiseLimit": {"by": "25%", "upTo": "1Gi"}}}]},
    })  # fmt: skip


def create_node(number: int) -> Call:
    """Return the creation of an OOMNode without a status."""
    name = oomnode(number, 0)["metadata"]["name"]
    return Call("POST", f"{OURS}/oomnodes", {
        "apiVersion": f"{GROUP}/{VERSION}", "kind": "OOMNode", "metadata": {"name": name},
    })  # fmt: skip


def delete_node(number: int) -> Call:
    """Return the deletion of an OOMNode."""
    return Call("DELETE", f"{OURS}/oomnodes/node-{number:04}")


def report(number: int, status: Object) -> Call:
    """Return a node's report."""
    return Call("PATCH", f"{OURS}/oomnodes/node-{number:04}/status", {"status": status}, MERGE)


def status_of(number: int, policies: int, heartbeat: str) -> Object:
    """Return the whole status that a node reports."""
    status: Object = oomnode(number, policies)["status"]
    status["agent"] |= {"heartbeat": heartbeat, "started": heartbeat}
    return status


def kill(number: int, created: str) -> Call:
    """Return the creation of an OOMKill of the usual size."""
    samples = [{"at": created, "usage": f"{400_000 + each}Ki"} for each in range(30)]
    return Call("POST", f"{OURS}/namespaces/apps-{number % KILL_NAMESPACES}/oomkills", {
        "apiVersion": f"{GROUP}/{VERSION}", "kind": "OOMKill",
        "metadata": {"name": f"api-7d9f-{number}",
                     "labels": {"oomwarden.io/pod-uid": f"p{number}"}},
        "node": f"node-{number % 1000:04}", "pod": {"name": f"api-{number}", "uid": f"p{number}"},
        "container": {"name": "app", "type": "App"}, "cause": "ContainerLimit", "limit": "512Mi",
        "kills": 1, "victims": [{"pid": 1, "command": "python3"}],
        "memory": {"at": created, "usage": "500Mi", "samples": samples},
        "time": {"before": created},
        "evidence": {"bootID": "b", "cgroup": number, "level": "Pod", "from": 0, "to": 1},
    })  # fmt: skip


def node(name: str) -> Call:
    """Return the creation of a Node, which pods/resize needs."""
    memory = {"memory": "64Gi", "cpu": "16", "pods": "110"}
    return Call("POST", "/api/v1/nodes", {
        "metadata": {"name": name}, "status": {"capacity": memory, "allocatable": memory},
    })  # fmt: skip


def resized_policy() -> Call:
    """Return the creation of the policy that sets the limits of all pods in its namespace."""
    return Call("POST", f"{OURS}/namespaces/{RESIZED}/oompolicies", {
        "apiVersion": f"{GROUP}/{VERSION}", "kind": "OOMPolicy", "metadata": {"name": "limits"},
        "spec": {"podSelector": {}, "rules": [{"memory": {"limit": "256Mi"}}]},
    })  # fmt: skip


def resized_pod(name: str, node: str) -> Call:
    """Return the creation of a pod that runs on a node."""
    resources = {"requests": {"memory": "64Mi"}, "limits": {"memory": "128Mi"}}
    container = {"name": "app", "image": "app", "resources": resources}
    return Call("POST", _POD.format(RESIZED), {
        "metadata": {"name": name},
        "spec": {"nodeName": node, "containers": [container],
                 "automountServiceAccountToken": False},
    })  # fmt: skip


def running(name: str) -> Call:
    """Return the status that the kubelet writes of such a pod."""
    resources = {"requests": {"memory": "64Mi"}, "limits": {"memory": "128Mi"}}
    started = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    status = {
        "phase": "Running", "qosClass": "Burstable",
        "containerStatuses": [{
            "name": "app", "ready": True, "restartCount": 0, "image": "app", "imageID": "i",
            "containerID": f"containerd://{name}", "state": started, "resources": resources,
        }],
    }  # fmt: skip
    return Call("PATCH", f"{_POD.format(RESIZED)}/{name}/status", {"status": status}, MERGE)


def resize_request(pod: Object) -> Object:
    """Return what an agent requests for such a pod."""
    return {
        "namespace": RESIZED, "pod": pod["metadata"]["name"], "uid": pod["metadata"]["uid"],
        "container": "app", "limit": "256Mi", "policy": f"OOMPolicy {RESIZED}/limits",
    }  # fmt: skip


def pod(name: str) -> Call:
    """Return the request for a pod."""
    return Call("GET", f"{_POD.format(RESIZED)}/{name}")
