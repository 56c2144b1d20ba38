"""The other objects that an agent reads: its Node, namespaces, ConfigMaps and policies."""

import json
from typing import Any

from bench.weight.synthetic.pods import NAMESPACES, OWN_NAMESPACES

Json = dict[str, Any]
NODE = "weight-node"
RELEASE = "oomwarden"
GROUP = "oomwarden.io/v1alpha1"
_SCORES = {"web": -100, "batch": 1000, "db": -500, "cache": -200, "api": -400, "queue": -300}
"""Four characters each: on plain files a shorter number would leave the end of a longer one."""


def node() -> Json:
    """Return the Node, as a cloud's kubelet reports it."""
    labels = {
        "kubernetes.io/hostname": NODE,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": "m5.2xlarge",
        "topology.kubernetes.io/zone": "eu-central-1a",
    }
    images = [
        {"names": [f"registry.example/image-{number}:1.0"], "sizeBytes": 123456789}
        for number in range(50)
    ]
    amounts = {"cpu": "8", "memory": "32788512Ki", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE, "uid": "11111111-2222-3333-4444-555555555555", "labels": labels},
        "status": {"capacity": amounts, "allocatable": amounts, "images": images},
    }


def namespaces() -> list[Json]:
    """Return the namespaces of all pods."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        }
        for name in (*NAMESPACES, RELEASE)
    ]


def config_maps() -> list[Json]:
    """Return the switch of the mode, and what the operator publishes."""
    calm = {"cluster": 0, "namespaces": {}, "others": 0, "nodes": 2000, "keptSeconds": 3600}
    data = {
        "oomwarden-control": {"mode": "Enforce"},
        "oomwarden-pressure": {"pressure.json": json.dumps(calm)},
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": RELEASE},
            "data": content,
        }
        for name, content in data.items()
    ]


def cluster_policies() -> list[Json]:
    """Return a policy for each tier whose pods are in several namespaces."""
    tiers = [tier for tier in _SCORES if tier not in OWN_NAMESPACES]
    return [_policy("ClusterOOMPolicy", {"name": tier}, tier) for tier in tiers]


def policies() -> list[Json]:
    """Return a policy for each tier that has a namespace for itself."""
    return [
        _policy("OOMPolicy", {"name": tier, "namespace": tier}, tier) for tier in OWN_NAMESPACES
    ]


def _policy(kind: str, metadata: Json, tier: str) -> Json:
    rule = {"oomScoreAdj": _SCORES[tier]}
    return {
        "apiVersion": GROUP,
        "kind": kind,
        "metadata": metadata | {"generation": 1},
        "spec": {"podSelector": {"matchLabels": {"tier": tier}}, "rules": [rule]},
    }
