"""The limit that the kubelet sets on a pod, and what it consists of."""

from typing import Any

import pytest
from oomwarden.core.model.pod import PodFacts
from oomwarden.core.objects.needed_fields import pod_fields
from oomwarden.core.pods.limit import counted_containers, sum_of_limits
from oomwarden.core.pods.manifest import pod_facts

MI = 1 << 20


def one(name: str, limit: int | None, **more: object) -> dict[str, Any]:
    return {
        "name": name,
        "resources": {"limits": {"memory": f"{limit}Mi"}} if limit else {},
        **more,
    }


def pod(**spec: object) -> PodFacts:
    metadata = {"name": "p", "namespace": "n", "uid": "u"}
    return pod_facts(pod_fields({"metadata": metadata, "spec": spec}))


APPS = [one("app", 512), one("log", 128)]
SIDECAR = one("mesh", 64, restartPolicy="Always")


@pytest.mark.parametrize(
    ("spec", "limit", "names"),
    [
        ({"containers": APPS}, 640, "app log"),
        ({"containers": APPS[:1]}, 512, "app"),
        ({"containers": APPS, "initContainers": [SIDECAR]}, 704, "mesh app log"),
        ({"containers": APPS, "initContainers": [one("setup", 1024)]}, 1024, "setup"),
        ({"containers": APPS, "initContainers": [one("setup", 600), SIDECAR]}, 704, "mesh app log"),
        ({"containers": APPS, "initContainers": [SIDECAR, one("setup", 1024)]}, 1088, "mesh setup"),
        ({"containers": APPS, "initContainers": [one("setup", 16)]}, 640, "app log"),
        ({"containers": APPS, "ephemeralContainers": [one("debug", None)]}, 640, "app log"),
        ({"containers": APPS, "overhead": {"memory": "120Mi", "cpu": "1"}}, 760, "app log"),
        ({"containers": [*APPS, one("free", None)]}, None, "app log"),
        ({"containers": APPS, "initContainers": [one("free", None)]}, None, "app log"),
        ({"containers": [one("free", None)], "overhead": {"memory": "1Gi"}}, None, ""),
    ],
)
def test_a_pods_limit_is_the_maximum_total_of_its_containers(
    spec: dict[str, Any], limit: int | None, names: str
) -> None:
    found = pod(**spec)
    assert sum_of_limits(found) == (limit and limit * MI)
    assert " ".join(each.name for each in counted_containers(found)) == names


def test_memory_backed_volumes_are_known_by_name_and_no_others() -> None:
    volumes = [
        {"name": "cache", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
        {"name": "scratch", "emptyDir": {}},
        {"name": "null", "emptyDir": None},
        {"name": "huge", "emptyDir": {"medium": "HugePages-2Mi"}},
        {"name": "config", "configMap": {"name": "c"}},
    ]
    assert pod(containers=[], volumes=volumes).tmpfs == ("cache",)
    assert pod(containers=[], volumes=volumes * 100).tmpfs == ("cache",) * 16
    whole = {"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": {"volumes": volumes}}
    assert pod_facts(whole).tmpfs == ("cache",)
    assert pod(containers=[]).tmpfs == ()
