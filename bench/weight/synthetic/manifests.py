"""Pods as the API server has them, as a kubelet and a Deployment leave them: about 8.5 KB each."""

import hashlib
from dataclasses import replace
from typing import Any

from bench.weight.synthetic.objects import NODE
from bench.weight.synthetic.pods import Container, Pod

Json = dict[str, Any]
_STARTED = "2026-01-05T08:00:00Z"
_CONDITIONS = (
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodScheduled",
)
_TOLERATIONS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def manifest(pod: Pod) -> Json:
    """Return the object that the API server has."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(pod),
        "spec": _spec(pod),
        "status": _status(pod),
    }


def _metadata(pod: Pod) -> Json:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "controller": True}
    named = {"name": pod.name.rpartition("-")[0], "blockOwnerDeletion": True, "uid": pod.uid}
    return {
        "name": pod.name,
        "namespace": pod.namespace,
        "uid": pod.uid,
        "creationTimestamp": _STARTED,
        "generateName": f"{pod.name.rpartition('-')[0]}-",
        "labels": {
            "tier": pod.tier,
            "app.kubernetes.io/name": pod.tier,
            "app.kubernetes.io/instance": f"{pod.tier}-{pod.number}",
            "app.kubernetes.io/managed-by": "Helm",
            "pod-template-hash": "7c9d8b6f5d",
        },
        "annotations": {
            "checksum/config": hashlib.sha256(pod.name.encode()).hexdigest(),
            "prometheus.io/scrape": "true",
            "prometheus.io/port": "8080",
        },
        "ownerReferences": [owner | named],
        "managedFields": [_managed(pod, "kube-controller-manager"), _managed(pod, "kubelet")],
    }


def _managed(pod: Pod, manager: str) -> Json:
    of_kubelet = manager == "kubelet"
    names = ("env", "image", "livenessProbe", "ports", "readinessProbe", "resources")
    owned: Json = {f"f:{name}": {".": {}, "f:limits": {}, "f:requests": {}} for name in names}
    containers = {f'k:{{"name":"{each.name}"}}': owned for each in pod.containers}
    conditions: Json = {
        f'k:{{"type":"{each}"}}': {".": {}, "f:lastProbeTime": {}, "f:status": {}, "f:type": {}}
        for each in _CONDITIONS
    }
    spec = {"f:metadata": {"f:labels": {".": {}}}, "f:spec": {"f:containers": containers}}
    entry = {
        "manager": manager,
        "operation": "Update",
        "apiVersion": "v1",
        "time": _STARTED,
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:status": {"f:conditions": conditions}} if of_kubelet else spec,
    }
    return entry | ({"subresource": "status"} if of_kubelet else {})


def _spec(pod: Pod) -> Json:
    volumes: list[Json] = [
        {"name": f"config-{each}", "configMap": {"name": f"{pod.name}-{each}"}} for each in "ab"
    ]
    token = {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}
    volumes += [{"name": "kube-api-access", "projected": {"sources": [token]}}]
    seconds = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    return {
        "nodeName": NODE,
        "serviceAccountName": pod.tier,
        "priority": 0,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "tolerations": [seconds | {"key": key} for key in _TOLERATIONS],
        "volumes": volumes,
        "containers": [_container(pod, each) for each in pod.containers],
    }


def _container(pod: Pod, container: Container) -> Json:
    probe: Json = {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}}
    probe |= {"periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3}
    env = [
        {"name": f"SETTING_{number}", "value": f"value of setting {number} of {pod.tier}"}
        for number in range(48)
    ]
    amount = {"memory": "64Mi", "cpu": "100m"}
    resources = {
        "Guaranteed": {"limits": amount, "requests": amount},
        "Burstable": {"limits": {"memory": "64Mi"}, "requests": {"memory": "32Mi"}},
    }.get(pod.qos, {})
    mounts = [{"name": f"config-{n}", "mountPath": f"/etc/app/{n}"} for n in "ab"]
    return {
        "name": container.name,
        "image": f"registry.example/{pod.tier}/{container.name}:1.14.2",
        "imagePullPolicy": "IfNotPresent",
        "env": env,
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "resources": resources,
        "livenessProbe": probe,
        "readinessProbe": probe,
        "volumeMounts": mounts,
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }


def _status(pod: Pod) -> Json:
    return {
        "phase": "Running",
        "qosClass": pod.qos,
        "startTime": _STARTED,
        "hostIP": "192.0.2.10",
        "podIP": f"198.51.100.{pod.number % 250}",
        "conditions": [
            {"type": each, "status": "True", "lastTransitionTime": _STARTED} for each in _CONDITIONS
        ],
        "containerStatuses": [_container_status(pod, each) for each in pod.containers],
    }


def _container_status(pod: Pod, container: Container) -> Json:
    ended = _ended(pod, replace(container, restarts=container.restarts - 1))
    known = {
        "name": container.name,
        "containerID": f"containerd://{container.id_in(pod.uid)}",
        "image": f"registry.example/{pod.tier}/{container.name}:1.14.2",
        "imageID": f"registry.example/{pod.tier}@sha256:{hashlib.sha256(b'i').hexdigest()}",
        "restartCount": container.restarts,
    }
    last = {"lastState": ended} if container.restarts else {}
    if container.name == pod.killed:
        return {**known, **last, "ready": False, "state": _ended(pod, container)}
    running = {"running": {"startedAt": _STARTED}}
    return {**known, **last, "ready": True, "started": True, "state": running}


def _ended(pod: Pod, container: Container) -> Json:
    return {
        "terminated": {
            "containerID": f"containerd://{container.id_in(pod.uid)}",
            "exitCode": 137,
            "reason": "OOMKilled",
            "startedAt": _STARTED,
            "finishedAt": _STARTED,
        }
    }
