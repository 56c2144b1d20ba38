"""The Event on the Pod: one line that says who was killed, at whose limit."""

from datetime import datetime

from oomwarden.api.oomkill import Cause, ContainerType
from oomwarden.core.facts import Level
from oomwarden.core.incident import Incident
from oomwarden.core.kernel_log import printable
from oomwarden.core.quantity import format_bytes
from oomwarden.core.record import Manifest

NOTE_BYTES = 1024
"""Longest note of an Event in bytes (kubernetes pkg/apis/core/validation/events.go, v1.37)."""
EVENT_MAX_AGE_SECONDS = 3600
_FIELDS = {
    ContainerType.INIT: "initContainers",
    ContainerType.SIDECAR: "initContainers",
    ContainerType.EPHEMERAL: "ephemeralContainers",
}


def event(incident: Incident, kill: Manifest, now: float) -> Manifest | None:
    """Render the Event on the Pod, named like its OOMKill; None for kills older than an hour."""
    before = datetime.fromisoformat(kill["time"]["before"]).timestamp()
    if now - before > EVENT_MAX_AGE_SECONDS:
        return None
    pod = incident.pod
    regarding = {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": pod.namespace,
        "name": pod.name,
        "uid": pod.uid,
    }
    if incident.container is not None:
        field = _FIELDS.get(incident.container.type, "containers")
        regarding["fieldPath"] = f"spec.{field}{{{incident.container.name}}}"
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": kill["metadata"]["name"], "namespace": pod.namespace},
        "eventTime": kill["time"]["before"],
        "type": "Warning",
        "reason": "OOMKilled",
        "action": "Killed",
        "reportingController": "oomwarden.io/agent",
        "reportingInstance": kill["node"],
        "regarding": regarding,
        "note": truncate(note(incident), NOTE_BYTES),
    }


def note(incident: Incident) -> str:
    """Say in one line who was killed, at whose limit."""
    return f"{_who(incident)} killed {_why(incident)}."


def _who(incident: Incident) -> str:
    if incident.container is not None:
        where = f"container {incident.container.name}"
    elif incident.candidates:
        where = f"one of the containers {', '.join(incident.candidates)}"
    else:
        where = "a container (which one is unknown)"
    victims = incident.victims
    if not victims:
        return f"{where}: {_times(incident)}"
    first = f"{printable(victims[0].comm)} (pid {victims[0].pid})"
    others = f" and {len(victims) - 1} more" if len(victims) > 1 else ""
    times = f", {incident.kills} kills," if incident.kills > 1 else ""
    return f"{where}: {first}{others}{times}"


def _times(incident: Incident) -> str:
    return "a process" if incident.kills == 1 else f"{incident.kills} times a process"


def _why(incident: Incident) -> str:
    limit = "" if incident.limit is None else f" {format_bytes(incident.limit)}"
    match incident.verdict.cause:
        case Cause.CONTAINER_LIMIT:
            at = " (enforced at the pod)" if incident.verdict.enforced_at is Level.POD else ""
            return f"at its limit{limit}{at}"
        case Cause.POD_LIMIT:
            return f"at the pod's limit{limit}"
        case Cause.NODE_ALLOCATABLE:
            return "because all pods together reached the node's allocatable memory"
        case Cause.NODE_OUT_OF_MEMORY:
            return "because the node ran out of memory"
        case _:
            return "out of memory; whose limit it was is unknown"


def truncate(text: str, size: int) -> str:
    """Cut to at most `size` bytes of UTF-8."""
    return text.encode()[:size].decode("utf-8", "ignore")
