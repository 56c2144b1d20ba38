"""The response to a kill: status.response of the OOMKill, and an Event on the pod."""

from datetime import datetime
from typing import Any

from oomwarden.api.oomkill import OOMKill, Response
from oomwarden.core.limits.authorization import ResizeContext
from oomwarden.core.limits.raise_limit import NotRaised, Raise
from oomwarden.core.log_line.keys import LogKeys
from oomwarden.core.model.quantity import format_bytes, parse_bytes
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.objects.object_names import describe_owner, has_template, is_object_name
from oomwarden.core.records.event import NOTE_BYTES, regarding, truncate

CONTROLLER = "oomwarden.io/operator"
_MAX_NAME = 253 - len("-response")
_NO_EVENT = {"Cooldown", "UpToReached", "Observed", "TooLate"}
"""Reasons that recur with every kill of a crash loop. Only the record has them."""


def build_response(
    decision: Raise | NotRaised, kill: OOMKill, namespace: str, now: datetime
) -> Response:
    """Build status.response: what was done, or why nothing was done."""
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(decision, NotRaised):
        message = truncate(decision.message, 1024)
        return Response(action="None", reason=decision.reason, message=message, time=stamp)
    before, limit = format_bytes(decision.before), format_bytes(decision.limit)
    keep = _permanent_change(kill, namespace, limit)
    text = f"The memory limit was raised from {before} to {limit}. {keep}"
    return Response(
        action="RaisedLimit",
        reason="RaisedLimit",
        message=truncate(text, 1024),
        time=stamp,
        limit_before=before,
        limit=limit,
    )


def response_keys(record: Manifest, kill: OOMKill, made: Response) -> LogKeys:
    """Return what a log line says of a response.

    Args:
        record: The metadata of the OOMKill.
        kill: Its facts.
        made: The response.
    """
    return {
        "kind": "OOMKill",
        "namespace": record["namespace"],
        "name": record["name"],
        "pod": kill.pod.name,
        "container": kill.container.name,
        "owner": f"{kill.pod.owner.kind}/{kill.pod.owner.name}" if kill.pod.owner else None,
        "node": kill.node,
        "policy": f"{kill.policy.kind}/{kill.policy.name}" if kill.policy else None,
        "reason": made.reason,
        "limitBytes": parse_bytes(made.limit) if made.limit else None,
    }


def _permanent_change(kill: OOMKill, namespace: str, limit: str) -> str:
    """Describe the change of the pod template that outlives the pod; a resize does not.

    It is a command only if every name in it is a valid Kubernetes name, because people paste
    commands.
    """
    owner, container = kill.pod.owner, kill.container.name
    until = "This lasts as long as the pod"
    if owner is None:
        return f"{until}: set {limit} where the pod comes from."
    if not (has_template(owner) and all(map(is_object_name, (container, namespace)))):
        return f"{until}: set {limit} where the pod comes from, in {describe_owner(owner)}."
    what = f"{owner.kind.lower()}/{owner.name} -c {container}"
    return (
        f"{until}; to keep it: kubectl -n {namespace} set resources {what} --limits=memory={limit}"
    )


def build_event(
    answer: Response, name: str, context: ResizeContext, instance: str, now: datetime
) -> dict[str, Any] | None:
    """Build the Event on the pod; None if the record is enough, or the pod no longer exists.

    Args:
        answer: The response.
        name: Name of the OOMKill. The Event's name begins with it, so that it is posted once.
        context: The pod and its container.
        instance: Name of this operator's pod.
        now: The current time, in UTC.
    """
    pod, raised = context.pod, answer.action == "RaisedLimit"
    if pod is None or answer.reason in _NO_EVENT:
        return None
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "name": f"{name[:_MAX_NAME].rstrip('-.')}-response",
            "namespace": pod.namespace,
        },
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": "Normal" if raised else "Warning",
        "reason": "MemoryLimitRaised" if raised else "MemoryLimitNotRaised",
        "action": "RaiseLimit",
        "reportingController": CONTROLLER,
        "reportingInstance": instance,
        "regarding": regarding(pod, context.container),
        "note": truncate(answer.message, NOTE_BYTES),
    }
