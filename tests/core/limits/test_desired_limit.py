import pytest
from msgspec.structs import replace
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.limits.desired_limit import (
    LimitContext,
    ResizeRequest,
    evaluate_limit,
    observed_limit_remarks,
)
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, PodFacts, ResizeStatus
from oomwarden.core.pods.manifest import pod_facts

from tests.support.resized import MI, container, decide_on, limiting, pod, reasons, won

ASK = ResizeRequest(1024 * MI, "OOMPolicy shop/protect")


def requesting(one: ContainerFacts, request: int) -> ContainerFacts:
    return replace(one, spec=replace(one.spec, request=request * MI))


def test_a_limit_that_differs_is_requested_and_reported() -> None:
    found = decide_on(container(512), limiting(1024))
    assert (found.request, found.status.in_force, reasons(found)) == (ASK, False, ["ResizeAsked"])


def test_a_limit_that_the_container_has_is_in_force() -> None:
    found = decide_on(container(1024), limiting(1024))
    assert (found.request, found.status.in_force, reasons(found)) == (None, True, [])


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (ResizeStatus("Infeasible", "static policy"), "Infeasible"),
        (ResizeStatus("Deferred", "no room"), "Deferred"),
        (ResizeStatus("Error", "below current usage"), "ResizeError"),
        (ResizeStatus("InProgress"), "ResizeInProgress"),
        (ResizeStatus(), "ResizeInProgress"),
    ],
)
def test_the_kubelets_resize_status_is_reported(trouble: ResizeStatus, reason: str) -> None:
    one = container(1024, now=512)
    found = decide_on(one, limiting(1024), in_pod=pod(one, resize=trouble))
    assert (found.request, found.status.in_force, reasons(found)) == (None, False, [reason])
    assert trouble.message in found.status.remarks[0].message


def test_a_limit_below_usage_waits_until_usage_drops() -> None:
    small = limiting(256)
    found = decide_on(container(512), small, usage=300)
    assert (found.request, reasons(found)) == (None, ["BelowUsage"])
    assert "300Mi" in found.status.remarks[0].message
    assert decide_on(container(512), small, usage=255).request == ResizeRequest(
        256 * MI, str(small)
    )
    assert decide_on(container(None), small, usage=300).request is None, "a first limit shrinks too"


def test_a_set_limit_that_usage_has_outgrown_is_reported_the_same_way() -> None:
    one = container(256, now=512)
    error = ResizeStatus("Error", "attempting to set limit below current usage")
    assert reasons(decide_on(one, limiting(256), usage=300, in_pod=pod(one, resize=error))) == [
        "BelowUsage"
    ]
    assert reasons(decide_on(one, limiting(256), usage=200, in_pod=pod(one, resize=error))) == [
        "ResizeError"
    ]


def test_a_higher_limit_is_requested_at_any_usage() -> None:
    assert decide_on(container(512), limiting(1024), usage=2000).request == ASK


@pytest.mark.parametrize("kind", [ContainerType.INIT, ContainerType.EPHEMERAL])
def test_init_and_ephemeral_containers_are_not_resized(kind: ContainerType) -> None:
    found = decide_on(container(kind=kind), limiting())
    assert (found.request, reasons(found)) == (None, ["NotResizable"])


def test_sidecars_are_resized() -> None:
    assert decide_on(container(kind=ContainerType.SIDECAR), limiting()).request == ASK


def test_a_static_pods_limit_is_in_its_manifest() -> None:
    one = container()
    found = decide_on(one, limiting(), in_pod=pod(one, cgroup_uid="hash"))
    assert (found.request, reasons(found)) == (None, ["StaticPod"])


def test_a_container_that_a_resize_would_restart_is_left_alone() -> None:
    one = replace(container(), spec=replace(container().spec, restarts_container=True))
    found = decide_on(one, limiting())
    assert (found.request, reasons(found)) == (None, ["RestartNeeded"])


def test_another_writers_change_wins_and_is_reported_with_the_remedy() -> None:
    found = decide_on(container(700, other_writer="vpa-updater"), limiting())
    assert (found.request, found.status.in_force, reasons(found)) == (None, False, ["ForeignLimit"])
    message = found.status.remarks[0].message
    assert "vpa-updater" in message
    assert "700Mi" in message
    assert "recreate the pod" in message


def test_another_writers_change_to_the_desired_limit_is_accepted() -> None:
    assert decide_on(container(1024, other_writer="vpa"), limiting(1024)).status.in_force


def test_an_observer_reports_obstacles_and_requests_nothing() -> None:
    def reported(one: ContainerFacts, usage: int = 0, in_pod: PodFacts | None = None) -> list[str]:
        cached = LimitContext(in_pod or pod(one), one, usage * MI)
        return [remark.reason for remark in observed_limit_remarks(cached, won(limiting(256)))]

    one = container(512)
    assert reported(one) == []
    assert reported(one, 300) == ["BelowUsage"]
    assert reported(one, in_pod=replace(pod(one), uid="mirror")) == ["StaticPod"]
    assert reported(one, 300, replace(pod(one), deleting=True)) == []


def test_a_limit_that_the_api_server_always_refuses_is_not_requested() -> None:
    besteffort = pod(container(None), qos=QOSClass.BEST_EFFORT)
    found = decide_on(container(None), limiting(64), in_pod=besteffort)
    assert (found.request, reasons(found)) == (None, ["QOSChange"])
    asking = requesting(container(512), 256)
    found = decide_on(asking, limiting(128))
    assert (found.request, reasons(found)) == (None, ["BelowRequest"])
    assert decide_on(asking, limiting(256)).request is not None


def test_a_limit_of_zero_means_none_and_a_first_limit_below_usage_waits() -> None:
    """The kubelet treats 0 as no limit, so any limit is lower."""
    resources = {"limits": {"memory": "0"}, "requests": {"memory": "64Mi"}}
    manifest = {
        "metadata": {"name": "p", "namespace": "n", "uid": "u"},
        "spec": {"containers": [{"name": "app", "resources": resources}]},
        "status": {"qosClass": "Burstable"},
    }
    facts = pod_facts(manifest)
    (one,) = facts.containers
    assert (one.limit, one.spec.limit) == (None, None)
    found = evaluate_limit(
        LimitContext(facts, one, usage=2048 * MI), won(limiting(512)), EnforcementMode.ENFORCE
    )
    assert (found.request, reasons(found)) == (None, ["BelowUsage"])


def test_the_api_server_compares_with_the_request_of_the_spec_not_with_the_allocated_one() -> None:
    allocated_less = replace(requesting(container(1024), 900), request=64 * MI)
    assert reasons(decide_on(allocated_less, limiting(512))) == ["BelowRequest"]
    allocated_more = replace(requesting(container(1024), 64), request=900 * MI)
    assert decide_on(allocated_more, limiting(512)).request is not None


def test_a_limit_above_the_pods_own_limit_is_not_requested() -> None:
    whole = pod(container(512), limit=768 * MI)
    assert reasons(decide_on(container(512), limiting(1024), in_pod=whole)) == ["PodLevelResources"]
    assert decide_on(container(512), limiting(768), in_pod=whole).request is not None
    sidecar = container(512, kind=ContainerType.SIDECAR)  # the API server does not compare sidecars
    assert decide_on(sidecar, limiting(1024), in_pod=whole).request is not None
