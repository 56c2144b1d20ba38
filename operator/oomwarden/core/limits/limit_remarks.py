"""Why a container's memory limit is not in force yet, in the words of a policy's status."""

from oomwarden.core.model.pod import PodFacts
from oomwarden.core.model.quantity import format_bytes
from oomwarden.core.model.remark import Remark

RESIZE_ASKED = "ResizeAsked"
"""Reason of a pending request. The operator's answer replaces a remark with this reason."""

STATIC_POD = Remark(
    "StaticPod",
    "A static pod cannot be resized: change the limit in its manifest on the node.",
)
RESTART_NEEDED = Remark(
    "RestartNeeded",
    "The container's resizePolicy restarts it when its memory limit changes, and policies never "
    "restart a container: set the limit in the pod's template, or set resizePolicy NotRequired for "
    "memory.",
)
NOT_RESIZABLE = Remark(
    "NotResizable",
    "Kubernetes does not resize init and ephemeral containers: set the limit in the pod's "
    "template, or exclude these containers with `containers`.",
)


def kubelet_remark(pod: PodFacts, limit: int) -> Remark:
    """Explain why the kubelet has not applied the limit in the pod's spec.

    Args:
        pod: The pod, with the kubelet's resize status.
        limit: The limit in the pod's spec, in bytes.
    """
    what = f"the memory limit {format_bytes(limit)}"
    why = pod.resize.message or "no reason given"
    match pod.resize.reason:
        case "Infeasible":
            how = "choose a lower limit, or recreate the pod on a node that has room for it"
            return Remark("Infeasible", f"The kubelet cannot grant {what} here ({why}): {how}.")
        case "Deferred":
            how = (
                "the kubelet retries as other pods exit. Until then the old limit stays in effect, "
                "but the scheduler already counts the new one"
            )
            return Remark("Deferred", f"The node has no room for {what} now ({why}): {how}.")
        case "Error":
            how = "the kubelet retries; see kubectl describe pod"
            return Remark("ResizeError", f"The kubelet could not set {what} ({why}): {how}.")
        case _:
            return Remark("ResizeInProgress", f"The kubelet is setting {what}.")


def requested(limit: int) -> Remark:
    """Report a request that the operator has not answered yet."""
    return Remark(
        RESIZE_ASKED,
        f"The agent asked the operator to set memory.limit {format_bytes(limit)}, which has not "
        "happened yet: if this message stays, check that the operator is running.",
    )


def below_usage(limit: int, usage: int) -> Remark:
    """Report a limit that waits until the container uses less memory."""
    return Remark(
        "BelowUsage",
        f"memory.limit {format_bytes(limit)} is less than the container uses now "
        f"({format_bytes(usage)}), so setting it could kill the container. It is set once usage "
        "drops: choose a higher limit, or restart the container.",
    )


def foreign_limit(writer: str, limit: int | None) -> Remark:
    """Report a limit that another field manager has changed."""
    value = "none" if limit is None else format_bytes(limit)
    return Remark(
        "ForeignLimit",
        f"{writer} has changed this container's memory limit (now {value}) through pods/resize, "
        "and that change wins: to return the limit to the policy, recreate the pod.",
    )
