from typing import Any

import pytest
from oomwarden.api.policy import QOSClass
from oomwarden.core.pods.qos import computed_qos, qos_of

GUARANTEED, BURSTABLE, BEST_EFFORT = QOSClass


def one(requests: dict[str, Any] | None = None, limits: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
    return {"name": "app", "resources": {"requests": requests, "limits": limits}}


FULL = {"cpu": "1", "memory": "1Gi"}
GPU = {"nvidia.com/gpu": "1"}
ZERO = {"cpu": "0", "memory": "0"}


@pytest.mark.parametrize(
    ("containers", "qos"),
    [
        ([one()], BEST_EFFORT),
        ([{"name": "app"}], BEST_EFFORT),
        ([one(GPU, GPU)], BEST_EFFORT),
        ([one({"ephemeral-storage": "1Gi"}, {"hugepages-2Mi": "4Mi"})], BEST_EFFORT),
        ([one(ZERO, ZERO)], BEST_EFFORT),
        ([one({"memory": "0"})], BEST_EFFORT),
        ([one(GPU | FULL, GPU | FULL)], GUARANTEED),
        ([one({"cpu": "1000m", "memory": "1024Mi"}, FULL)], GUARANTEED),
        ([one({"cpu": 1, "memory": 1073741824}, {"cpu": "1e0", "memory": "1.0Gi"})], GUARANTEED),
        ([one(limits=FULL)], GUARANTEED),
        ([one({"cpu": "0", "memory": "1Gi"}, FULL)], BURSTABLE),
        ([one({"cpu": "1"}, {"cpu": "1"})], BURSTABLE),
        ([one({"memory": "1Gi"})], BURSTABLE),
        ([one(limits={"memory": "1Gi", "cpu": "0"})], BURSTABLE),
        ([one(FULL, FULL), one(GPU, GPU)], BURSTABLE),
        ([one(FULL, FULL), one({"cpu": "1n"}, FULL)], BURSTABLE),
        ([], BEST_EFFORT),
    ],
)
def test_only_amounts_of_cpu_and_memory_above_zero_decide(
    containers: list[dict[str, Any]], qos: QOSClass
) -> None:
    assert computed_qos({"containers": containers}) is qos


def test_init_containers_count_and_ephemeral_ones_do_not() -> None:
    app, none = one(FULL, FULL), one(GPU, GPU)
    assert computed_qos({"containers": [app], "initContainers": [none]}) is BURSTABLE
    assert computed_qos({"containers": [app], "initContainers": [app]}) is GUARANTEED
    assert computed_qos({"containers": [app], "ephemeralContainers": [none]}) is GUARANTEED
    assert computed_qos({"containers": [app], "initContainers": None}) is GUARANTEED


@pytest.mark.parametrize(
    ("own", "qos"),
    [
        ({"requests": FULL, "limits": {"cpu": "1000m", "memory": "1024Mi"}}, GUARANTEED),
        ({"limits": {"memory": "1Gi"}}, BURSTABLE),
        ({"requests": {"cpu": "1"}}, BURSTABLE),
        ({"requests": {"hugepages-2Mi": "2Mi"}}, BEST_EFFORT),
        ({"limits": GPU}, BURSTABLE),
        ({}, BURSTABLE),
    ],
)
def test_the_pods_own_resources_decide_if_they_name_cpu_or_memory(
    own: dict[str, Any], qos: QOSClass
) -> None:
    containers = [one({"memory": "64Mi"})]
    assert computed_qos({"containers": containers, "resources": own}) is qos


def test_requests_that_the_pod_lacks_come_from_its_containers() -> None:
    limits = {"limits": FULL}
    assert computed_qos({"containers": [one()], "resources": limits}) is GUARANTEED
    asking = [one({"cpu": "1", "memory": "512Mi"}), one({"memory": "512Mi"})]
    assert computed_qos({"containers": asking, "resources": limits}) is GUARANTEED
    sidecar = one({"memory": "1Mi"}) | {"restartPolicy": "Always"}
    more = {"containers": asking, "initContainers": [sidecar], "resources": limits}
    assert computed_qos(more) is BURSTABLE
    assert computed_qos(more | {"initContainers": [one({"memory": "1Gi"})]}) is GUARANTEED


def test_the_class_in_the_status_wins_if_it_is_valid() -> None:
    spec = {"containers": [one(FULL, FULL)]}
    assert qos_of({"spec": spec, "status": {"qosClass": "Burstable"}}) is BURSTABLE
    assert qos_of({"spec": spec, "status": {"qosClass": "Newer"}}) is GUARANTEED
    assert qos_of({"spec": spec}) is GUARANTEED


def test_an_invalid_amount_counts_as_none() -> None:
    assert computed_qos({"containers": [one({"memory": "lots"})]}) is BEST_EFFORT
