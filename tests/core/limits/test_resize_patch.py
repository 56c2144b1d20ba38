import pytest
from msgspec.structs import replace
from oomwarden.api.oomkill import ContainerType
from oomwarden.core.limits.resize_patch import explain_refusal, resize_patch
from oomwarden.core.model.pod import SpecLimit

from tests.support.resized import GUARANTEED, MI, container, pod


def test_the_patch_names_the_pod_and_its_resource_version() -> None:
    resources = {"limits": {"memory": "1Gi"}}
    asking = replace(container(), spec=SpecLimit(request=MI))
    assert resize_patch(pod(asking), asking, 1024 * MI, "77") == {
        "metadata": {"uid": "u", "resourceVersion": "77"},
        "spec": {"containers": [{"name": "app", "resources": resources}]},
    }


def test_without_a_request_the_limit_does_not_become_one() -> None:
    patch = resize_patch(pod(), container(), 1024 * MI, "77")
    assert patch["spec"]["containers"][0]["resources"]["requests"] == {"memory": "0"}


def test_a_guaranteed_pods_request_changes_with_the_limit() -> None:
    patch = resize_patch(pod(qos=GUARANTEED), container(), 1_000_001, "77")
    value = {"memory": "1000001"}
    assert patch["spec"]["containers"][0]["resources"] == {"limits": value, "requests": value}


def test_a_sidecar_is_patched_among_the_init_containers() -> None:
    patch = resize_patch(pod(), container(kind=ContainerType.SIDECAR), MI, "77")
    assert list(patch["spec"]) == ["initContainers"]


@pytest.mark.parametrize(
    ("reported", "reason", "remedy"),
    [
        ("Pod QOS Class may not change as a result of resizing", "QOSChange", "BestEffort"),
        ('pods "a" is forbidden: exceeded quota: q', "QuotaExceeded", "ResourceQuota"),
        ("maximum memory usage per Container is 1Gi, but limit is 2Gi", "LimitRange", "LimitRange"),
        ("maximum memory usage per Pod is 1Gi, but limit is 2Gi", "LimitRange", "LimitRange"),
        ("must be less than or equal to memory limit of 1Mi", "BelowRequest", "request"),
        ("static pods cannot be resized", "StaticPod", "manifest"),
        ("windows pods cannot be resized", "WindowsPod", "podSelector"),
        (
            "memory limits cannot be decreased unless resizePolicy is RestartContainer",
            "Shrinking",
            "1.34",
        ),
        ("Pod running on node without support for resize", "NodeTooOld", "kubelet"),
        ("node didn't have enough allocatable resources: memory", "NodeTooSmall", "larger node"),
        ("must be less than or equal to pod limits of 1Gi", "PodLevelResources", "template"),
        ("resize of pods with pod-level resources is forbidden", "PodLevelResources", "template"),
        ('User "x" cannot patch resource "pods/resize"', "NotPermitted", "ClusterRole"),
        ("admission webhook says no", "ResizeRefused", "webhook says no"),
    ],
)  # fmt: skip
def test_each_refusal_is_explained_with_a_remedy(reported: str, reason: str, remedy: str) -> None:
    found = explain_refusal(1024 * MI, reported)
    assert found.reason == reason
    assert "1Gi" in found.message
    assert remedy in found.message


def test_a_long_refusal_is_truncated() -> None:
    assert len(explain_refusal(MI, "x" * 10_000).message) < 500
