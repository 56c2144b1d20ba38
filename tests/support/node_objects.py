"""OOMNodes and Nodes as the API server returns them."""

from datetime import UTC, datetime, timedelta
from typing import Any

Object = dict[str, Any]


def ago(seconds: float) -> str:
    """Return a time in the past as the API server writes it."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="seconds")


def condition(kind: str, reason: str = "Bad", message: str = "", status: str = "False") -> Object:
    return {
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2026-11-01T10:00:00Z",
    }  # fmt: skip


def oomnode(name: str = "node-1", *conditions: Object, **changes: Any) -> Object:  # noqa: ANN401
    """Return an OOMNode that wrote 20 s ago; `changes` replace fields of its status."""
    heartbeat = changes.pop("heartbeat", ago(20))
    averages = {"avg10": "1.00", "avg60": "0.53", "avg300": "0.10"}
    status = {
        "agent": {"version": "0.1.0", "storeID": "s", "started": ago(900), "heartbeat": heartbeat},
        "conditions": list(conditions) or [condition("Ready", "Watching", status="True")],
        "kernel": {"release": "6.12.1", "bootID": "b", "cgroupDriver": "systemd"},
        "memory": {
            "capacity": "8Gi",
            "allocatable": "7Gi",
            "available": "3Gi",
            "total": "8Gi",
            "swapTotal": "2Gi",
            "swapFree": "1536Mi",
            "hugePages": "0",
            "overcommit": {
                "mode": "Never",
                "ratio": 80,
                "commitLimit": "8808036Ki",
                "committedAS": "4Gi",
            },
            "psi": {"some": averages, "full": averages},
        },
        "applied": {"containers": 2, "processes": 5},
        "kills": {"recorded": 9},
    }
    return {
        "apiVersion": "oomwarden.io/v1alpha1",
        "kind": "OOMNode",
        "metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": "5"},
        "status": status | changes,
    }


def node(name: str = "node-1", **changes: Any) -> Object:  # noqa: ANN401 - JSON
    """Return a Node; `changes` replace fields of its spec."""
    labels = {"kubernetes.io/os": "linux", **changes.pop("labels", {})}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "uid": f"uid-of-{name}", "labels": labels},
        "spec": changes,
        "status": {
            "capacity": {"memory": "8Gi"},
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": "v1.37.0", "kernelVersion": "6.12.1"},
        },
    }
