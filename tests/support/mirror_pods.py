"""Mirror pods, genuine and forged."""

from typing import Any

HASH = "0123456789abcdef0123456789abcdef"
VICTIM = "22222222-2222-2222-2222-222222222222"
CONFIG = "kubernetes.io/config."


def mirror(
    claimed: object = HASH,
    node: str = "node-1",
    metadata: dict[str, Any] | None = None,
    **more: object,
) -> dict[str, Any]:
    """Return a mirror pod as the kubelet creates it; `more` replaces annotations."""
    annotations = {"hash": claimed, "mirror": claimed, "source": "file"} | more
    owner = {"apiVersion": "v1", "kind": "Node", "name": node, "uid": "n", "controller": True}
    whole = {
        "name": "etcd-node-1",
        "namespace": "kube-system",
        "uid": "11111111-1111-1111-1111-111111111111",
        "annotations": {f"{CONFIG}{key}": each for key, each in annotations.items()},
        "ownerReferences": [owner],
    }
    status = {"phase": "Running", "startTime": "2026-01-02T03:04:05Z"}
    spec = {"nodeName": "node-1", "containers": [{"name": "etcd"}]}
    return {"metadata": whole | (metadata or {}), "spec": spec, "status": status}
