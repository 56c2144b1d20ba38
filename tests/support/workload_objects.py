"""Pods and their owners as the API server returns them, for `kubectl oom why`."""

from typing import Any

from tests.support.kill_objects import oomkill

Object = dict[str, Any]
ID = "c" * 64
"""The container's id in `oomkill()`."""


def container(name: str = "app", limit: str | None = "512Mi", **more: Any) -> Object:  # noqa: ANN401
    """Return a container of a pod or of a template."""
    resources = {"limits": {"memory": limit}} if limit else {}
    return {"name": name, "resources": resources} | more


def pod(*containers: Object, **changes: Any) -> Object:  # noqa: ANN401 - JSON
    """Return the pod of `oomkill()`; `changes` replace its top-level fields."""
    statuses = [ended(), running("proxy")]
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "api-1",
            "namespace": "shop",
            "uid": "uid-api-1",
            "ownerReferences": [reference("ReplicaSet", "api-7d9f")],
        },
        "spec": {"containers": list(containers) or [container("proxy", None), container()]},
        "status": {"qosClass": "Burstable", "containerStatuses": statuses},
    }
    return manifest | changes


def running(name: str, started: str = "2026-11-01T08:00:00Z") -> Object:
    """Return the status of a container that runs."""
    return {"name": name, "state": {"running": {"startedAt": started}}}


def ended(
    reason: str = "OOMKilled", code: int = 137, at: str = "2026-11-01T10:00:00Z", name: str = "app"
) -> Object:
    """Return the status of a container that has ended once."""
    terminated = {"containerID": f"containerd://{ID}", "reason": reason, "exitCode": code}
    return {
        **running(name, "2026-11-01T10:00:05Z"),
        "containerID": "containerd://new",
        "restartCount": 1,
        "lastState": {"terminated": terminated | {"finishedAt": at}},
    }


def reference(kind: str, name: str, api_version: str = "apps/v1") -> Object:
    """Return a controller's owner reference."""
    return {"apiVersion": api_version, "kind": kind, "name": name, "controller": True}


def owner(
    kind: str,
    name: str,
    *controllers: Object,
    api_version: str = "apps/v1",
    containers: tuple[Object, ...] | None = None,
    **metadata: Any,  # noqa: ANN401 - JSON
) -> Object:
    """Return a workload whose template has the containers, `app` by default."""
    template = {"spec": {"containers": list(containers or (container(),))}}
    spec = {"jobTemplate": {"spec": {"template": template}}}
    about = {"name": name, "namespace": "shop", "ownerReferences": list(controllers)}
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": about | metadata,
        "spec": spec if kind == "CronJob" else {"template": template},
    }


def deployment_objects() -> list[Object]:
    """Return a kill, its pod, and the pod's ReplicaSet and Deployment."""
    replica_set = owner("ReplicaSet", "api-7d9f", reference("Deployment", "api"))
    return [oomkill(), pod(), replica_set, owner("Deployment", "api")]
