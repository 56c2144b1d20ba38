from typing import Any

import pytest
from oomwarden.api.oomkill import ContainerType, Owner
from oomwarden.api.policy import QOSClass
from oomwarden.core.model.limit_ownership import LimitOwnership
from oomwarden.core.model.pod import ContainerFacts
from oomwarden.core.objects.needed_fields import pod_fields
from oomwarden.core.pods.manifest import pod_facts

MI = 1 << 20
RUNNING = {"running": {"startedAt": "2026-01-02T03:04:05Z"}}


def pod(metadata: dict[str, Any] | None = None, **parts: object) -> dict[str, Any]:
    whole = {"name": "api", "namespace": "shop", "uid": "u-1"}
    return {"metadata": whole | (metadata or {}), "spec": {"containers": []}, **parts}


def status(name: str, container_id: str, **parts: object) -> dict[str, Any]:
    return {"name": name, "containerID": f"containerd://{container_id}", "state": RUNNING, **parts}


def only_container(spec: dict[str, Any], *statuses: dict[str, Any]) -> ContainerFacts:
    manifest = pod(spec={"containers": [spec]}, status={"containerStatuses": list(statuses)})
    [container] = pod_facts(manifest).containers
    return container


def test_every_kind_of_container_has_its_running_id() -> None:
    spec = {
        "initContainers": [{"name": "setup"}, {"name": "proxy", "restartPolicy": "Always"}],
        "containers": [{"name": "app"}],
        "ephemeralContainers": [{"name": "debug"}],
    }
    reported = {
        "initContainerStatuses": [status("proxy", "b"), status("setup", "a")],
        "containerStatuses": [status("app", "c")],
        "ephemeralContainerStatuses": [status("debug", "d")],
    }
    assert pod_facts(pod(spec=spec, status=reported)).containers == (
        ContainerFacts("setup", ContainerType.INIT, "a"),
        ContainerFacts("proxy", ContainerType.SIDECAR, "b"),
        ContainerFacts("app", ContainerType.APP, "c"),
        ContainerFacts("debug", ContainerType.EPHEMERAL, "d"),
    )


def test_a_pod_that_has_no_status_yet_has_containers_without_ids() -> None:
    facts = pod_facts(pod(spec={"containers": [{"name": "app"}]}))
    assert facts.containers == (ContainerFacts("app", ContainerType.APP),)


def test_a_restarted_container_has_its_previous_id() -> None:
    last = {"terminated": {"containerID": "containerd://old"}}
    container = only_container({"name": "app"}, status("app", "new", lastState=last))
    assert (container.container_id, container.previous_id) == ("new", "old")


def test_a_container_that_ended_has_only_a_previous_id() -> None:
    state = {"terminated": {"containerID": "containerd://old", "reason": "Error"}}
    container = only_container({"name": "app"}, status("app", "old", state=state))
    assert (container.container_id, container.previous_id) == (None, "old")


def test_a_container_that_waits_for_its_restart_has_a_previous_id() -> None:
    waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
    container = only_container({"name": "app"}, status("app", "old", state=waiting))
    assert (container.container_id, container.previous_id) == (None, "old")


def test_a_container_that_never_ran_has_no_id() -> None:
    waiting = {"name": "app", "state": {"waiting": {"reason": "ContainerCreating"}}}
    container = only_container({"name": "app"}, waiting)
    assert (container.container_id, container.previous_id) == (None, None)


def test_the_limit_is_in_bytes() -> None:
    spec = {"name": "app", "resources": {"limits": {"memory": "512Mi"}}}
    assert only_container(spec).limit == 512 * MI
    assert only_container({"name": "app", "resources": {"limits": {"cpu": "1"}}}).limit is None


def test_during_a_resize_the_limit_in_effect_counts() -> None:
    spec = {"name": "app", "resources": {"limits": {"memory": "1Gi"}}}
    reported = status("app", "a", resources={"limits": {"memory": "512Mi"}})
    assert only_container(spec, reported).limit == 512 * MI


def test_a_pod_that_only_claims_a_hash_keeps_its_own_cgroup() -> None:
    facts = pod_facts(pod({"annotations": {"kubernetes.io/config.hash": "0123abcd"}}))
    assert facts.cgroup_uid == "u-1"


def owned_by(kind: str, name: str, labels: dict[str, str] | None = None) -> Owner | None:
    references = [
        {"kind": "ConfigMap", "name": "no-controller"},
        {"kind": kind, "name": name, "controller": True},
    ]
    return pod_facts(pod({"ownerReferences": references, "labels": labels})).owner


def test_the_owner_of_a_replica_set_of_a_deployment_is_the_deployment() -> None:
    labels = {"pod-template-hash": "7d9f"}
    assert owned_by("ReplicaSet", "api-7d9f", labels) == Owner(kind="Deployment", name="api")


def test_other_owners_are_kept_as_they_are() -> None:
    assert owned_by("ReplicaSet", "api-7d9f") == Owner(kind="ReplicaSet", name="api-7d9f")
    assert owned_by("StatefulSet", "db") == Owner(kind="StatefulSet", name="db")
    assert pod_facts(pod()).owner is None


def resources(**values: dict[str, str]) -> dict[str, Any]:
    return {"name": "app", "resources": values}


FULL = {"cpu": "1", "memory": "1Gi"}


@pytest.mark.parametrize(
    ("containers", "qos"),
    [
        ([{"name": "app"}], QOSClass.BEST_EFFORT),
        ([resources(limits=FULL, requests=FULL)], QOSClass.GUARANTEED),
        ([resources(limits=FULL)], QOSClass.GUARANTEED),
        ([resources(limits=FULL, requests={"cpu": "1m"})], QOSClass.BURSTABLE),
        ([resources(limits={"memory": "1Gi"})], QOSClass.BURSTABLE),
        ([resources(limits=FULL), {"name": "second"}], QOSClass.BURSTABLE),
    ],
)
def test_the_qos_class_is_computed_if_the_status_has_none(
    containers: list[dict[str, Any]], qos: QOSClass
) -> None:
    assert pod_facts(pod(spec={"containers": containers})).qos is qos


def test_the_qos_class_in_the_status_wins() -> None:
    facts = pod_facts(pod(status={"qosClass": "Burstable"}))
    assert facts.qos is QOSClass.BURSTABLE


def test_labels_priority_class_and_deletion_are_parsed() -> None:
    manifest = pod(
        {"labels": {"app": "api"}, "deletionTimestamp": "2026-01-02T03:04:05Z"},
        spec={"containers": [], "priorityClassName": "high"},
    )
    facts = pod_facts(manifest)
    assert facts.labels == {"app": "api"}
    assert facts.priority_class == "high"
    assert facts.deleting
    assert not pod_facts(pod()).deleting


def test_the_limit_in_the_spec_is_separate_from_the_one_in_effect() -> None:
    spec = {"name": "app", "resources": {"limits": {"memory": "1Gi"}}}
    inside = {"limits": {"memory": "512Mi"}}
    container = only_container(spec, status("app", "a", resources=inside))
    assert (container.spec.limit, container.limit) == (1024 * MI, 512 * MI)


def test_the_manager_that_claims_a_resize_is_named_and_proves_nothing() -> None:
    limits: dict[str, Any] = {"f:resources": {"f:limits": {"f:memory": {}}}}
    fields = {"f:spec": {"f:initContainers": {'k:{"name":"proxy"}': limits}}}
    resized = {"manager": "vpa", "subresource": "resize", "fieldsV1": fields}
    spec = {
        "initContainers": [{"name": "proxy", "restartPolicy": "Always"}],
        "containers": [{"name": "app"}],
    }
    proxy, app = pod_facts(pod({"managedFields": [{}, resized]}, spec=spec)).containers
    assert (proxy.spec.last_writer, app.spec.last_writer) == ("vpa", "")
    assert proxy.spec.ownership == app.spec.ownership == LimitOwnership()


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ({"type": "PodResizePending", "status": "True", "reason": "Deferred"}, "Deferred"),
        ({"type": "PodResizeInProgress", "status": "True", "reason": "Error"}, "Error"),
        ({"type": "PodResizeInProgress", "status": "True"}, "InProgress"),
        ({"type": "PodResizePending", "status": "False", "reason": "Deferred"}, ""),
        ({"type": "Ready", "status": "True", "reason": "Deferred"}, ""),
    ],
)
def test_the_kubelets_resize_status_is_parsed(condition: dict[str, str], reason: str) -> None:
    assert pod_facts(pod(status={"conditions": [condition]})).resize.reason == reason


@pytest.mark.parametrize(
    ("resource", "policy", "expected"),
    [
        ("memory", "RestartContainer", True),
        ("memory", "NotRequired", False),
        ("cpu", "RestartContainer", False),
    ],
)
def test_the_resize_policy_shows_whether_a_resize_restarts_the_container(
    resource: str, policy: str, expected: object
) -> None:
    how = [{"resourceName": resource, "restartPolicy": policy}]
    assert only_container({"name": "app", "resizePolicy": how}).spec.restarts_container is expected


def test_the_request_is_what_the_kubelet_has_allocated() -> None:
    spec = {"name": "app", "resources": {"requests": {"memory": "2Gi"}}}
    reported = status("app", "a", allocatedResources={"memory": "1Gi"})
    assert only_container(spec, reported).request == 1024 * MI
    assert only_container(spec).request == 2048 * MI
    assert only_container({"name": "app"}).request == 0


def test_the_request_of_a_pod_as_a_whole_is_parsed() -> None:
    spec = {"containers": [], "resources": {"requests": {"memory": "3Gi"}}}
    assert (pod_facts(pod(spec=spec)).request, pod_facts(pod()).request) == (3072 * MI, 0)


@pytest.mark.parametrize(
    ("resources", "limit"),
    [({"limits": {"memory": "1Gi"}}, 1 << 30), ({"limits": {"memory": "0"}}, None),
     ({"limits": {"cpu": "1"}}, None), ({}, None)],
)  # fmt: skip
def test_a_limit_of_the_pod_as_a_whole_is_parsed(
    resources: dict[str, Any], limit: int | None
) -> None:
    assert pod_facts(pod(spec={"containers": [], "resources": resources})).limit == limit


def test_a_status_with_empty_resources_means_that_no_limit_is_in_effect_yet() -> None:
    spec = {"name": "app", "resources": {"limits": {"memory": "1Gi"}}}
    for read in (dict, pod_fields):
        reported = {"containerStatuses": [status("app", "a", resources={})]}
        [container] = pod_facts(read(pod(spec={"containers": [spec]}, status=reported))).containers
        assert (container.limit, container.spec.limit) == (None, 1024 * MI)
    assert only_container(spec, status("app", "a")).limit == 1024 * MI


def test_blanks_around_an_amount_are_ignored_and_null_is_none() -> None:
    for given, limit in ((" 1Gi\n", 1024 * MI), (None, None), (1 << 30, 1024 * MI)):
        resources = {"limits": {"memory": given}, "requests": {"memory": " 64Mi "}}
        facts = pod_facts(pod(spec={"containers": [{"name": "app", "resources": resources}]}))
        assert (facts.containers[0].limit, facts.containers[0].request) == (limit, 64 * MI)
        assert facts.unreadable == ""


def test_the_request_in_the_spec_is_separate_from_the_allocated_one() -> None:
    spec = {"name": "app", "resources": {"requests": {"memory": "2Gi"}}}
    container = only_container(spec, status("app", "a", allocatedResources={"memory": "1Gi"}))
    assert (container.request, container.spec.request) == (1024 * MI, 2048 * MI)
