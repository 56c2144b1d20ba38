"""The patch of pods/resize, and what a refusal of the API server means to a person."""

from typing import Any

from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.model.quantity import exact_quantity
from oomwarden.core.model.remark import Remark

_LISTS = {ContainerType.SIDECAR: "initContainers", ContainerType.INIT: "initContainers"}
_REFUSALS = (
    (
        "cannot patch resource",
        "NotPermitted",
        "the operator has no right to patch pods/resize: restore its ClusterRole from the chart",
    ),
    (
        "QOS Class may not change",
        "QOSChange",
        (
            "the pod's QoS class would change, and Kubernetes does not allow that: leave "
            "BestEffort pods out (qosClasses), and choose a limit that is not equal to the request"
        ),
    ),
    (
        "exceeded quota",
        "QuotaExceeded",
        "a ResourceQuota of the namespace is full: raise it, or ask for less",
    ),
    (
        "per Container is",
        "LimitRange",
        "a LimitRange of the namespace forbids it: change it, or ask for a limit within",
    ),
    (
        "per Pod is",
        "LimitRange",
        "a LimitRange of the namespace forbids it: change it, or ask for a limit within",
    ),
    (
        "must be less than or equal to memory limit",
        "BelowRequest",
        (
            "the limit would be below the container's memory request: ask for more, or lower the "
            "request in the pod's template"
        ),
    ),
    (
        "static pods cannot be resized",
        "StaticPod",
        "static pods cannot be resized: change the limit in their manifests on the node",
    ),
    (
        "windows pods cannot be resized",
        "WindowsPod",
        "Windows pods cannot be resized: leave them out with podSelector",
    ),
    (
        "cannot be decreased unless resizePolicy is RestartContainer",
        "Shrinking",
        (
            "this Kubernetes (1.33) lowers memory limits only by a restart: upgrade to 1.34, or "
            "set the limit in the pod's template"
        ),
    ),
    (
        "without support for resize",
        "NodeTooOld",
        "the pod's node does not support resizing pods: upgrade its kubelet to 1.33 or newer",
    ),
    (
        "enough allocatable resources",
        "NodeTooSmall",
        "the node has not so much memory: ask for less, or have the pod made on a larger node",
    ),
    (
        "less than or equal to pod limits",
        "PodLevelResources",
        "the pod's own limit (spec.resources) is below it: raise that in the pod's template",
    ),
    (
        "pod-level resources",
        "PodLevelResources",
        (
            "the pod has resources of its own (spec.resources), which bound its containers': raise "
            "those in the pod's template"
        ),
    ),
)


def resize_patch(
    pod: PodFacts, container: ContainerFacts, limit: int, version: str
) -> dict[str, Any]:
    """Give the strategic merge patch; it fails when the pod is no longer of this resourceVersion.

    A Guaranteed pod's request moves along: its QoS class may not change. Where there is no request,
    0 says so: else the API server makes the limit the request, for good, and the scheduler counts
    it (kubernetes pkg/apis/core/v1/defaults.go, SetDefaults_Pod).
    """
    value = {"memory": exact_quantity(limit)}
    resources: dict[str, Any] = {"limits": value}
    if pod.qos is QOSClass.GUARANTEED:
        resources["requests"] = value
    elif not container.spec.request:
        resources["requests"] = {"memory": "0"}
    changed = [{"name": container.name, "resources": resources}]
    return {
        "metadata": {"uid": pod.uid, "resourceVersion": version},
        "spec": {_LISTS.get(container.type, "containers"): changed},
    }


def foreseen(reason: str, limit: int) -> Remark:
    """Say beforehand what the API server would refuse a limit for."""
    remedy = next(remedy for _, known, remedy in _REFUSALS if known == reason)
    return Remark(reason, f"The limit {exact_quantity(limit)} would be refused: {remedy}.")


def refusal(limit: int, told: str) -> Remark:
    """Say why the API server did not take a limit.

    Args:
        limit: In bytes.
        told: The API server's own words (kubernetes pkg/apis/core/validation, ValidatePodResize;
            plugin limitranger and resourcequota; v1.33 to v1.37).
    """
    for part, reason, remedy in _REFUSALS:
        if part in told:
            return Remark(reason, f"The limit {exact_quantity(limit)} was refused: {remedy}.")
    words = told[:400]
    return Remark("ResizeRefused", f"The limit {exact_quantity(limit)} was refused: {words}")
