"""OOMKills as the API server returns them."""

from typing import Any


def oomkill(name: str = "api-1-aaaa", **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return an OOMKill; `changes` replace its top-level fields."""
    pod = changes.pop("pod_name", "api-1")
    namespace = changes.pop("namespace", "shop")
    manifest = {
        "apiVersion": "oomwarden.io/v1alpha1",
        "kind": "OOMKill",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{name}",
            "resourceVersion": "5",
            "labels": {"oomwarden.io/node": "node-1"},
        },
        "node": "node-1",
        "pod": {"name": pod, "uid": f"uid-{pod}", "owner": {"kind": "Deployment", "name": "api"}},
        "container": {"name": "app", "type": "App", "id": "c" * 64},
        "cause": "ContainerLimit",
        "limit": "512Mi",
        "kills": 1,
        "groupKill": True,
        "victims": [
            {"pid": 4242, "command": "python3", "anonRSS": "480Mi", "oomScoreAdj": 992, "uid": 1000}
        ],
        "time": {"after": "2026-11-01T09:59:59Z", "before": "2026-11-01T10:00:00Z"},
        "evidence": {"bootID": "b", "cgroup": 1, "level": "Pod", "epoch": 0, "from": 0, "to": 1},
    }
    return manifest | changes
