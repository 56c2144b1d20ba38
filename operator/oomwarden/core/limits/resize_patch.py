"""The patch of pods/resize, and how to explain a refusal of the API server to people."""

from typing import Any

from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.model.quantity import exact_quantity
from oomwarden.core.model.remark import Remark

_LISTS = {ContainerType.SIDECAR: "initContainers", ContainerType.INIT: "initContainers"}
REFUSALS = (
    (
        "cannot patch resource",
        "NotPermitted",
        "the operator may not patch pods/resize: restore its ClusterRole from the chart",
    ),
    (
        "QOS Class may not change",
        "QOSChange",
        (
            "the pod's QoS class would change, which Kubernetes does not allow: exclude BestEffort "
            "pods (qosClasses), and choose a limit that differs from the request"
        ),
    ),
    (
        "exceeded quota",
        "QuotaExceeded",
        "a ResourceQuota of the namespace is exhausted: raise it, or choose a lower limit",
    ),
    (
        "per Container is",
        "LimitRange",
        "a LimitRange of the namespace forbids it: change that, or choose a limit within it",
    ),
    (
        "per Pod is",
        "LimitRange",
        "a LimitRange of the namespace forbids it: change that, or choose a limit within it",
    ),
    (
        "must be less than or equal to memory limit",
        "BelowRequest",
        (
            "the limit would be below the container's memory request: choose a higher one, or "
            "lower the request in the pod's template"
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
        "Windows pods cannot be resized: exclude them with podSelector",
    ),
    (
        "cannot be decreased unless resizePolicy is RestartContainer",
        "Shrinking",
        (
            "this Kubernetes version (1.33) lowers memory limits only by a restart: upgrade to "
            "1.34, or set the limit in the pod's template"
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
        "the node is too small: choose a lower limit, or run the pod on a larger node",
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
            "the pod's own resources (spec.resources) bound those of its containers: raise them "
            "in the pod's template"
        ),
    ),
)
"""Parts of the API server's error messages; the reason in a policy's status; the remedy."""


def resize_patch(
    pod: PodFacts, container: ContainerFacts, limit: int, version: str
) -> dict[str, Any]:
    """Build the strategic merge patch; it fails if the pod no longer has this resourceVersion.

    The request of a Guaranteed pod changes with the limit, because its QoS class must not change.
    Without a request, the patch sets 0: otherwise the API server makes the limit the request for
    good, and the scheduler counts it (kubernetes pkg/apis/core/v1/defaults.go, SetDefaults_Pod).

    Args:
        pod: The pod.
        container: The container to resize.
        limit: In bytes.
        version: The pod's resourceVersion.
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


def expected_refusal(reason: str, limit: int) -> Remark:
    """Explain why the API server would refuse a limit that has not been requested."""
    remedy = next(remedy for _, known, remedy in REFUSALS if known == reason)
    return Remark(reason, f"The limit {exact_quantity(limit)} would be refused: {remedy}.")


def explain_refusal(limit: int, message: str) -> Remark:
    """Explain why the API server refused a limit.

    Args:
        limit: In bytes.
        message: The API server's error message (kubernetes pkg/apis/core/validation,
            ValidatePodResize; plugins limitranger and resourcequota; v1.33 to v1.37).
    """
    for part, reason, remedy in REFUSALS:
        if part in message:
            return Remark(reason, f"The limit {exact_quantity(limit)} was refused: {remedy}.")
    words = message[:400]
    return Remark("ResizeRefused", f"The limit {exact_quantity(limit)} was refused: {words}")
