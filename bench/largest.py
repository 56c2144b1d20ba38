"""The largest policies that the API server accepts, for benches and the e2e story about it."""

from typing import Any

_WIDE = "\U0001f4a5"
"""A character of four bytes, both in UTF-8 and in Python's strings."""


def largest_spec(kind: str = "OOMPolicy") -> dict[str, Any]:
    """Return the largest policy spec that the schema allows."""
    rules = [_rule(number) for number in range(64)]
    names = [f"{number:02}{'p' * 240}" for number in range(16)]
    spec = {
        "podSelector": largest_selector(),
        "priorityClassNames": names,
        "qosClasses": ["Guaranteed", "Burstable", "BestEffort"],
        "rules": rules,
    }
    wide = {"namespaceSelector": largest_selector(), "nodeSelector": largest_selector()}
    return spec if kind == "OOMPolicy" else {**spec, **wide}


def _rule(number: int) -> dict[str, Any]:
    """Return one of 64 rules: 2 of 128 globs, 1 of 64 processes, 128 of 8192 characters."""
    return {
        "containers": [f"{number:02}{letter * 61}" for letter in "ab"],
        "oomScoreAdj": 5,
        "processes": [{"command": f"{number:02}{_WIDE * 126}", "oomScoreAdj": 5}],
        "memory": {"limit": "512Mi", "groupKill": False},
        "onOOM": {"raiseLimit": {"by": "25%", "atLeast": "64Mi", "upTo": "2Gi", "cooldown": "10m"}},
    }


def largest_selector() -> dict[str, Any]:
    """Return a selector that excludes little: 16 labels, and 16 expressions with 128 values."""
    labels = {_key(f"l{number:02}"): "v" * 63 for number in range(16)}
    values = [f"{'w' * 60}{number}" for number in range(8)]
    expressions = [
        {"key": _key(f"k{number:02}"), "operator": "NotIn", "values": values}
        for number in range(16)
    ]
    return {"matchLabels": labels, "matchExpressions": expressions}


def _key(name: str) -> str:
    part = "d" * 60
    return f"{'.'.join([part] * 4)}/{name}{'n' * 59}"


def largest_policy(name: str, namespace: str | None) -> dict[str, Any]:
    """Return a policy's manifest with the largest spec."""
    kind = "OOMPolicy" if namespace else "ClusterOOMPolicy"
    place = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": "oomwarden.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "generation": 1, **place},
        "spec": largest_spec(kind),
    }
