"""The largest objects that the API server takes: for figures, and for the story that checks it."""

from typing import Any

_WIDE = "\U0001f4a5"
"""A character that takes four bytes, in UTF-8 and in Python's strings."""


def largest_spec(kind: str = "OOMPolicy") -> dict[str, Any]:
    """Give a policy's spec of the largest size that the schema allows."""
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
    """Give one of 64 rules: 2 of 128 globs, 1 of 64 processes, 128 of 8192 characters."""
    return {
        "containers": [f"{number:02}{letter * 61}" for letter in "ab"],
        "oomScoreAdj": 5,
        "processes": [{"command": f"{number:02}{_WIDE * 126}", "oomScoreAdj": 5}],
        "memory": {"limit": "512Mi", "groupKill": False},
        "onOOM": {"raiseLimit": {"by": "25%", "atLeast": "64Mi", "upTo": "2Gi", "cooldown": "10m"}},
    }


def largest_selector() -> dict[str, Any]:
    """Give a selector that excludes little: 16 expressions, 128 values; and 16 labels."""
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
    """Give a manifest with it."""
    kind = "OOMPolicy" if namespace else "ClusterOOMPolicy"
    place = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": "oomwarden.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "generation": 1, **place},
        "spec": largest_spec(kind),
    }
