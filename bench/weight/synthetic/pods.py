"""Pods as a kubelet and a Deployment leave them, about 8.5 KB each."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

Json = dict[str, Any]
TIERS = ("web", "batch", "db", "cache", "api", "queue")
OWN_NAMESPACES = ("api", "queue")
"""Tiers that have a namespace for themselves, with an OOMPolicy in it."""
NAMESPACES = (*OWN_NAMESPACES, *(f"team-{number}" for number in range(8)))
_SCORES = {"Guaranteed": -997, "Burstable": 970, "BestEffort": 1000}
_STARTED = "2026-01-05T08:00:00Z"
_LIMIT = 64 << 20
_CONDITIONS = (
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodScheduled",
)
_TOLERATIONS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


@dataclass(frozen=True)
class Container:
    """A container that runs.

    Attributes:
        name: Its name in the pod.
        processes: How many processes it has.
        restarts: How often it was restarted; its ID follows from it.
    """

    name: str
    processes: int = 1
    restarts: int = 0

    def id_in(self, uid: str) -> str:
        """Return the ID that the runtime gave it."""
        return hashlib.sha256(f"{uid}/{self.name}/{self.restarts}".encode()).hexdigest()


@dataclass(frozen=True)
class Pod:
    """A pod of the synthetic node.

    Attributes:
        number: Its number on the node; everything else follows from it.
        containers: Its containers.
        killed: The container that was killed and does not run yet.
    """

    number: int
    containers: Sequence[Container]
    killed: str = ""

    @property
    def uid(self) -> str:
        """Its UID, which is the same in each run."""
        return str(uuid.UUID(hashlib.md5(f"pod-{self.number}".encode()).hexdigest()))  # noqa: S324

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return self.tier if self.tier in OWN_NAMESPACES else f"team-{self.number % 8}"

    @property
    def name(self) -> str:
        """Its name, as a ReplicaSet names it."""
        return f"{self.tier}-{self.number:04}-7c9d8b6f5d-{self.uid[:5]}"

    @property
    def tier(self) -> str:
        """The label that policies select."""
        return TIERS[self.number % len(TIERS)]

    @property
    def qos(self) -> str:
        """Its QoS class: a fifth each is Guaranteed and BestEffort."""
        return {0: "Guaranteed", 1: "BestEffort"}.get(self.number % 5, "Burstable")

    @property
    def limit(self) -> int | None:
        """The memory limit of each of its containers, in bytes."""
        return None if self.qos == "BestEffort" else _LIMIT

    @property
    def score(self) -> int:
        """The oom_score_adj that the kubelet gives its processes."""
        return _SCORES[self.qos]

    def with_container(self, changed: Container, killed: str = "") -> "Pod":
        """Return the pod with another state of a container."""
        containers = [changed if each.name == changed.name else each for each in self.containers]
        return replace(self, containers=tuple(containers), killed=killed)

    def manifest(self, node: str) -> Json:
        """Return the object that the API server has."""
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": self._metadata(),
            "spec": self._spec(node),
            "status": self._status(),
        }

    def _metadata(self) -> Json:
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "controller": True}
        named = {"name": self.name.rpartition("-")[0], "blockOwnerDeletion": True, "uid": self.uid}
        return {
            "name": self.name,
            "namespace": self.namespace,
            "uid": self.uid,
            "creationTimestamp": _STARTED,
            "generateName": f"{self.name.rpartition('-')[0]}-",
            "labels": {
                "tier": self.tier,
                "app.kubernetes.io/name": self.tier,
                "app.kubernetes.io/instance": f"{self.tier}-{self.number}",
                "app.kubernetes.io/managed-by": "Helm",
                "pod-template-hash": "7c9d8b6f5d",
            },
            "annotations": {
                "checksum/config": hashlib.sha256(self.name.encode()).hexdigest(),
                "prometheus.io/scrape": "true",
                "prometheus.io/port": "8080",
            },
            "ownerReferences": [owner | named],
            "managedFields": [self._managed("kube-controller-manager"), self._managed("kubelet")],
        }

    def _managed(self, manager: str) -> Json:
        of_kubelet = manager == "kubelet"
        names = ("env", "image", "livenessProbe", "ports", "readinessProbe", "resources")
        owned: Json = {f"f:{name}": {".": {}, "f:limits": {}, "f:requests": {}} for name in names}
        containers = {f'k:{{"name":"{each.name}"}}': owned for each in self.containers}
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

    def _spec(self, node: str) -> Json:
        volumes: list[Json] = [
            {"name": f"config-{each}", "configMap": {"name": f"{self.name}-{each}"}}
            for each in "ab"
        ]
        token = {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}
        volumes += [{"name": "kube-api-access", "projected": {"sources": [token]}}]
        seconds = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
        return {
            "nodeName": node,
            "serviceAccountName": self.tier,
            "priority": 0,
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "tolerations": [seconds | {"key": key} for key in _TOLERATIONS],
            "volumes": volumes,
            "containers": [self._container(each) for each in self.containers],
        }

    def _container(self, container: Container) -> Json:
        probe: Json = {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}}
        probe |= {"periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3}
        env = [
            {"name": f"SETTING_{number}", "value": f"value of setting {number} of {self.tier}"}
            for number in range(48)
        ]
        amount = {"memory": "64Mi", "cpu": "100m"}
        resources = {
            "Guaranteed": {"limits": amount, "requests": amount},
            "Burstable": {"limits": {"memory": "64Mi"}, "requests": {"memory": "32Mi"}},
        }.get(self.qos, {})
        mounts = [{"name": f"config-{n}", "mountPath": f"/etc/app/{n}"} for n in "ab"]
        return {
            "name": container.name,
            "image": f"registry.example/{self.tier}/{container.name}:1.14.2",
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

    def _status(self) -> Json:
        return {
            "phase": "Running",
            "qosClass": self.qos,
            "startTime": _STARTED,
            "hostIP": "192.0.2.10",
            "podIP": f"198.51.100.{self.number % 250}",
            "conditions": [
                {"type": each, "status": "True", "lastTransitionTime": _STARTED}
                for each in _CONDITIONS
            ],
            "containerStatuses": [self._container_status(each) for each in self.containers],
        }

    def _container_status(self, container: Container) -> Json:
        ended = self._ended(replace(container, restarts=container.restarts - 1))
        known = {
            "name": container.name,
            "containerID": f"containerd://{container.id_in(self.uid)}",
            "image": f"registry.example/{self.tier}/{container.name}:1.14.2",
            "imageID": f"registry.example/{self.tier}@sha256:{hashlib.sha256(b'i').hexdigest()}",
            "restartCount": container.restarts,
        }
        last = {"lastState": ended} if container.restarts else {}
        if container.name == self.killed:
            return {**known, **last, "ready": False, "state": self._ended(container)}
        running = {"running": {"startedAt": _STARTED}}
        return {**known, **last, "ready": True, "started": True, "state": running}

    def _ended(self, container: Container) -> Json:
        return {
            "terminated": {
                "containerID": f"containerd://{container.id_in(self.uid)}",
                "exitCode": 137,
                "reason": "OOMKilled",
                "startedAt": _STARTED,
                "finishedAt": _STARTED,
            }
        }


def pods(count: int, two_containers: int, two_processes: int) -> list[Pod]:
    """Return pods, of which some have a second container, and some containers a second process."""
    found: list[Pod] = []
    left = two_processes
    for number in range(count):
        names = ("main", "sidecar")[: 1 + (number < two_containers)]
        sizes = [1 + (index < left) for index, _ in enumerate(names)]
        left = max(left - len(names), 0)
        made = tuple(Container(*each) for each in zip(names, sizes, strict=True))
        found.append(Pod(number, made))
    return found
