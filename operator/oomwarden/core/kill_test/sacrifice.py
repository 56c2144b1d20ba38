"""The pod that `kubectl oom test` creates: it fills its own small limit and is killed for it."""

from oomwarden.core.objects.json_parts import Manifest

CONTAINER = "sacrifice"
LIMIT = "32Mi"
LABELS = {
    "app.kubernetes.io/name": "kubectl-oom-test",
    "app.kubernetes.io/managed-by": "kubectl-oom",
    "sidecar.istio.io/inject": "false",
}
_MAX_SECONDS = 300
"""The kubelet ends the pod after this time, should nobody be left to delete it."""
_USER = 65532
PROGRAM = """\
import time
time.sleep(2)
held = []
while True:
    held.append(bytearray(b"x") * (1 << 20))
    print(time.time(), flush=True)
"""
"""Takes 1 MiB at a time, and prints the time after each. It waits first, so that the agent's
metric can be read before the kill."""


def sacrificial_pod(
    namespace: str, name: str, image: str, node: str | None = None, user: int | None = None
) -> Manifest:
    """Return the pod. The restricted Pod Security Standard and usual quotas admit it.

    Args:
        namespace: Where it dies.
        name: Its name.
        image: An image with python3.
        node: The only node that it may run on, whatever its taints; None lets the scheduler pick.
        user: The user id; None for that of the image.
    """
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": dict(LABELS),
            "annotations": {"linkerd.io/inject": "disabled"},
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": _MAX_SECONDS,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": _security(user),
            "containers": [_container(image)],
            **(_placement(node) if node else {}),
        },
    }


def _security(user: int | None) -> Manifest:
    own = {} if user is None else {"runAsUser": user, "runAsGroup": user}
    return {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, **own}


def _container(image: str) -> Manifest:
    return {
        "name": CONTAINER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", PROGRAM],
        "resources": {
            "requests": {"cpu": "10m", "memory": LIMIT},
            "limits": {"cpu": "500m", "memory": LIMIT},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _placement(node: str) -> Manifest:
    """Bind to a node as DaemonSets do: labels may be missing, and names may be too long for one."""
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    return {
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}},
        "tolerations": [{"operator": "Exists"}],
    }


def user_for(image: str | None) -> int | None:
    """Return the user id for an image that a person named: it may run as root by default."""
    return None if image is None else _USER
