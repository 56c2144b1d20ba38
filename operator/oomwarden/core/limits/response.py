"""What is told of onOOM: status.response of the OOMKill, and an Event on the pod."""

from datetime import datetime
from typing import Any

from oomwarden.api.oomkill import OOMKill, Response
from oomwarden.core.limits.authorization import ResizeContext
from oomwarden.core.limits.raise_limit import NotRaised, Raise
from oomwarden.core.model.quantity import format_bytes
from oomwarden.core.objects.object_names import has_template, in_words, is_object_name
from oomwarden.core.records.event import NOTE_BYTES, regarding, truncate

CONTROLLER = "oomwarden.io/operator"
_LONGEST_NAME = 253 - len("-response")
_NO_EVENT = {"Cooldown", "UpToReached", "Observed", "TooLate"}
"""Reasons that come back with every kill of a loop: the record tells them."""


def response(found: Raise | NotRaised, kill: OOMKill, namespace: str, now: datetime) -> Response:
    """Render what was done, or why nothing was."""
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(found, NotRaised):
        message = truncate(found.message, 1024)
        return Response(action="None", reason=found.reason, message=message, time=stamp)
    before, limit = format_bytes(found.before), format_bytes(found.limit)
    told = (
        f"The memory limit was raised from {before} to {limit}. {_to_last(kill, namespace, limit)}"
    )
    return Response(
        action="RaisedLimit",
        reason="RaisedLimit",
        message=truncate(told, 1024),
        time=stamp,
        limit_before=before,
        limit=limit,
    )


def _to_last(kill: OOMKill, namespace: str, limit: str) -> str:
    """Give the change of the template that outlives the pod: a resize does not.

    As a command only where each name in it is one that Kubernetes gives: people paste it.
    """
    owner, container = kill.pod.owner, kill.container.name
    bridge = "This lasts as long as the pod"
    if owner is None:
        return f"{bridge}: set {limit} where the pod comes from."
    if not (has_template(owner) and all(map(is_object_name, (container, namespace)))):
        return f"{bridge}: set {limit} where the pod comes from, in {in_words(owner)}."
    what = f"{owner.kind.lower()}/{owner.name} -c {container}"
    return (
        f"{bridge}; for good: kubectl -n {namespace} set resources {what} --limits=memory={limit}"
    )


def event(
    told: Response, name: str, scene: ResizeContext, instance: str, now: datetime
) -> dict[str, Any] | None:
    """Render the Event on the pod; None: the record says enough, or there is no pod.

    Args:
        told: The response.
        name: Of the OOMKill; the Event's begins with it, so that it is posted once.
        scene: The pod and its container.
        instance: Name of this operator's pod.
        now: The present, in UTC.
    """
    pod, raised = scene.pod, told.action == "RaisedLimit"
    if pod is None or told.reason in _NO_EVENT:
        return None
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "name": f"{name[:_LONGEST_NAME].rstrip('-.')}-response",
            "namespace": pod.namespace,
        },
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": "Normal" if raised else "Warning",
        "reason": "MemoryLimitRaised" if raised else "MemoryLimitNotRaised",
        "action": "RaiseLimit",
        "reportingController": CONTROLLER,
        "reportingInstance": instance,
        "regarding": regarding(pod, scene.container),
        "note": truncate(told.message, NOTE_BYTES),
    }
