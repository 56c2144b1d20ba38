"""Manifests of pods and policies for stories."""

from typing import Any

Manifest = dict[str, Any]


def container(
    name: str, image: str, *command: str, limit: str | None = None, request: str | None = None
) -> Manifest:
    """Return a container; `limit` and `request` are Kubernetes quantities of memory."""
    resources: Manifest = {}
    if limit:
        resources["limits"] = {"memory": limit}
    if request:
        resources["requests"] = {"memory": request}
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": list(command),
        "resources": resources,
    }


def pod(
    namespace: str, name: str, *containers: Manifest, restart: str = "Never", **labels: str
) -> Manifest:
    """Return a pod without a termination grace period."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "restartPolicy": restart,
            "terminationGracePeriodSeconds": 0,
            "containers": list(containers),
        },
    }


def hog(image: str, name: str = "app", limit: str = "32Mi") -> Manifest:
    """Return a container that allocates 200 MiB under a smaller limit."""
    return container(name, image, "hog", "200", limit=limit)


def family(image: str, name: str = "app") -> Manifest:
    """Return a container with a shell and two long-running children."""
    script = "sleep 100000 & sleep 100000 & wait"
    return container(name, image, "sh", "-c", script, limit="64Mi", request="32Mi")


def policy(
    namespace: str, name: str, labels: dict[str, str], rule: Manifest, mode: str = "Enforce"
) -> Manifest:
    """Return an OOMPolicy with one rule."""
    return {
        "apiVersion": "oomwarden.io/v1alpha1",
        "kind": "OOMPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"mode": mode, "podSelector": {"matchLabels": labels}, "rules": [rule]},
    }
