"""The Event on the Pod: its note says what was killed, at whose limit, and what to do."""

import hashlib
from datetime import datetime

from oomwarden.api.oomkill import Cause, ContainerType
from oomwarden.core.incidents.incident import Incident
from oomwarden.core.incidents.other_cgroups import is_pod_cgroup, is_starting
from oomwarden.core.kernel_log.lines import printable
from oomwarden.core.model.cgroup import Level
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.model.quantity import format_bytes, rounded_bytes
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.records.advice import advice
from oomwarden.core.records.oomkill import escaped, timestamp

_NAME_MAX = 253
NOTE_BYTES = 1024
"""Longest note of an Event in bytes (kubernetes pkg/apis/core/validation/events.go, v1.37)."""
INSTANCE_LENGTH = 128
"""Longest reportingInstance (as above); a node's name may have 253 characters."""
EVENT_MAX_AGE_SECONDS = 3600
_NAMED = 5
"""At most this many candidates are named; a pod may have a hundred containers."""
_NOT_SHOWN = "Kubernetes does not show this if the container keeps running."
_CGROUP_MAX, _NODES_MAX = 96, 64
_ALL = "together reached the node's allocatable memory"
_QOS = "of its QoS class together reached the limit of their cgroup"
_FIELDS = {
    ContainerType.INIT: "initContainers",
    ContainerType.SIDECAR: "initContainers",
    ContainerType.EPHEMERAL: "ephemeralContainers",
}


def event(incident: Incident, kill: Manifest, now: float, remedy: str = "") -> Manifest | None:
    """Return the Event on the Pod, named like its OOMKill; None for kills older than an hour.

    Args:
        incident: The incident.
        kill: Its OOMKill.
        now: Wall-clock seconds.
        remedy: Replaces the usual advice if more is known of the pod.
    """
    before = datetime.fromisoformat(kill["time"]["before"]).timestamp()
    if now - before > EVENT_MAX_AGE_SECONDS:
        return None
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": kill["metadata"]["name"], "namespace": incident.pod.namespace},
        "eventTime": kill["time"]["before"],
        "type": "Warning",
        "reason": "OOMKilled",
        "action": "Killed",
        "reportingController": "oomwarden.io/agent",
        "reportingInstance": reporting_instance(kill["node"]),
        "regarding": regarding(incident.pod, incident.container),
        "note": truncate(note(incident, remedy), NOTE_BYTES),
    }


def reporting_instance(node: str) -> str:
    """Return the name of the agent that reports: its node's, cut to what an Event allows."""
    return node[:INSTANCE_LENGTH]


def event_on_pod(  # noqa: PLR0913, PLR0917 - what an Event consists of
    pod: PodFacts,
    container: ContainerFacts | None,
    node: str,
    reason: str,
    action: str,
    key: str,
    note: str,
    now: float,
) -> Manifest:
    """Return a warning on a pod that is no kill's own Event.

    Args:
        pod: The pod.
        container: Its container, if that is known.
        node: The node that reports.
        reason: The Event's reason.
        action: The Event's action.
        key: What it is about: the Event's name follows from it, so it cannot be posted twice.
        note: The text; it is cut to what an Event allows.
        now: Wall-clock seconds.
    """
    digest = hashlib.sha256(key.encode()).hexdigest()[:8]
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "name": f"{pod.name[: _NAME_MAX - 9].rstrip('-.')}-{digest}",
            "namespace": pod.namespace,
        },
        "eventTime": timestamp(now),
        "type": "Warning",
        "reason": reason,
        "action": action,
        "reportingController": "oomwarden.io/agent",
        "reportingInstance": reporting_instance(node),
        "regarding": regarding(pod, container),
        "note": truncate(note, NOTE_BYTES),
    }


def regarding(pod: PodFacts, container: ContainerFacts | None) -> Manifest:
    """Return the reference to the pod, and to its container if that is known."""
    reference = {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": pod.namespace,
        "name": pod.name,
        "uid": pod.uid,
    }
    if container is not None:
        field = _FIELDS.get(container.type, "containers")
        reference["fieldPath"] = f"spec.{field}{{{container.name}}}"
    return reference


def note(incident: Incident, remedy: str = "") -> str:
    """Return one line: what was killed, at whose limit, what else died, and what to do.

    It only says what is certain. After a single kill it is unknown whether the container's first
    process was killed, and the container with it.

    Args:
        incident: The incident.
        remedy: Replaces the usual advice if not empty.
    """
    killed = f"{describe_container(incident)}: {describe_kill(incident)}."
    parts = (
        killed,
        _describe_memory(incident),
        _describe_extent(incident),
        remedy or advice(incident),
    )
    return " ".join(filter(None, parts))


def describe_container(incident: Incident) -> str:
    """Name the container, or the candidates."""
    if incident.container is not None:
        return f"container {incident.container.name}"
    if incident.other_cgroup is not None:
        name = escaped(incident.other_cgroup, _CGROUP_MAX)
        if is_pod_cgroup(incident.counter_range.pod, incident.other_cgroup):
            return f"the pod's own cgroup {name}, outside its containers"
        return f"{name}, which is not a container of this pod"
    if not incident.candidates:
        return "an unknown container"
    named, more = incident.candidates[:_NAMED], len(incident.candidates) - _NAMED
    others = f" or {more} more" if more > 0 else ""
    return f"one of the containers {', '.join(named)}{others}"


def describe_kill(incident: Incident) -> str:
    """Describe the victims and the cause."""
    return f"{_describe_victims(incident)} killed {_describe_cause(incident)}"


def _describe_victims(incident: Incident) -> str:
    victims = incident.victims
    if not victims:
        return _describe_count(incident)
    first = f"{printable(victims[0].comm)} (pid {victims[0].pid})"
    others = f" and {len(victims) - 1} more" if len(victims) > 1 else ""
    times = f", {incident.kills} kills," if incident.kills > 1 else ""
    return f"{first}{others}{times}"


def _describe_count(incident: Incident) -> str:
    return "a process" if incident.kills == 1 else f"processes ({incident.kills} kills)"


def _describe_cause(incident: Incident) -> str:
    limit = "" if incident.limit is None else f" {format_bytes(incident.limit)}"
    by_class = incident.verdict.enforced_at is Level.QOS
    match incident.verdict.cause:
        case Cause.CONTAINER_LIMIT:
            return _at_containers_limit(incident, limit)
        case Cause.POD_LIMIT:
            return f"at the pod's limit{limit}"
        case Cause.NODE_ALLOCATABLE:
            return f"because all pods {_QOS if by_class else _ALL}"
        case Cause.NODE_OUT_OF_MEMORY:
            return "because the node ran out of memory"
        case Cause.NUMA_NODES_OUT_OF_MEMORY:
            return f"because the NUMA nodes that a task may use ran out of memory{_nodes(incident)}"
        case _:
            return "out of memory; it is unknown whose limit was reached"


def _at_containers_limit(incident: Incident, limit: str) -> str:
    if incident.limited_cgroup is not None:
        inside = escaped(incident.limited_cgroup, _CGROUP_MAX)
        return f"at the limit of a cgroup that was made inside the container ({inside})"
    at = " (enforced at the pod)" if incident.verdict.enforced_at is Level.POD else ""
    return f"at its limit{limit}{at}"


def _nodes(incident: Incident) -> str:
    numa = incident.verdict.numa
    if numa is None:
        return ""
    lists = {"nodemask": numa.nodemask, "mems_allowed": numa.mems_allowed}
    known = [f"{name}={nodes[:_NODES_MAX]}" for name, nodes in lists.items() if nodes]
    return f" ({', '.join([numa.constraint, *known])})"


def _describe_memory(incident: Incident) -> str:
    """Describe the victim's memory without mapped files, which the kernel could have dropped."""
    if not incident.victims:
        return ""
    first, *others = incident.victims
    size = rounded_bytes(first.anon_rss + first.shmem_rss)
    return f"The {'first' if others else 'process'} held {size} of anonymous and shared memory."


def _describe_extent(incident: Incident) -> str:
    """Describe what died. Kernels before 5.17 do not count group kills."""
    if incident.other_cgroup is not None:
        return ""
    if is_starting(incident.victims):
        return "Its program had not started: a container, or an exec in it, was starting."
    if incident.counter_range.group_kills > 0:
        return "The whole container was killed."
    one = incident.counter_range.end - incident.counter_range.start == 1
    return f"{'One process was killed: ' * one}{_NOT_SHOWN}"


def truncate(text: str, size: int) -> str:
    """Cut a text to at most `size` bytes of UTF-8."""
    return text.encode()[:size].decode("utf-8", "ignore")
