"""Pods and policies for tests of decisions."""

from typing import Any

from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED, Policy, parse_policy

Spec = dict[str, Any]


def pod(namespace: str = "shop", labels: dict[str, str] | None = None) -> PodFacts:
    return PodFacts(
        uid="u",
        cgroup_uid="u",
        namespace=namespace,
        name="db-0",
        labels={"app": "db"} if labels is None else labels,
        qos=QOSClass.BURSTABLE,
        priority_class="high",
        containers=(ContainerFacts("app", ContainerType.APP),),
    )


def spec(**fields: object) -> Spec:
    return {"podSelector": {}, "rules": [{"oomScoreAdj": 5}], **fields}


def policy(name: str = "protect", namespace: str = "shop", **fields: object) -> Policy:
    metadata = {"name": name, "namespace": namespace, "generation": 3}
    return parse_policy(NAMESPACED, {"metadata": metadata, "spec": spec(**fields)})


def cluster_policy(name: str = "everywhere", **fields: object) -> Policy:
    metadata = {"name": name, "generation": 3}
    return parse_policy(CLUSTER, {"metadata": metadata, "spec": spec(**fields)})
