"""What is known of a pod that no OOMKill names."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from oomwarden.core.history.kill_record import number_at, text_at, time_at
from oomwarden.core.objects.json_parts import Json, object_at
from oomwarden.core.workloads.pod_parts import statuses

_BY_SIGKILL = 137
_OOM_KILLED = "OOMKilled"
_RELEVANT = {"Killing", "Unhealthy", "Evicted", "Preempting", "NodeNotReady", "ExceededGracePeriod"}
MAX_EVENTS = 3
_NOTE = 200


def without_record(pod: Json, events: Sequence[Json], agent_since: datetime | None) -> list[str]:
    """Return what the pod's status says of its end, in sentences.

    Args:
        pod: The Pod.
        events: Events of the Pod.
        agent_since: When the agent of its node started; None if it is unknown.
    """
    sentences = [*_eviction(pod), *_ends(pod, agent_since)]
    if not sentences:
        sentences = ["None of its containers has ended, as far as its status shows."]
    return [*sentences, *_events(events)]


def _eviction(pod: Json) -> Iterator[str]:
    status = object_at(pod, "status")
    reason = text_at(status, "reason")
    if reason == "Evicted":
        message = (text_at(status, "message") or "no reason given")[:_NOTE].rstrip(". ")
        yield f"The kubelet evicted it, which is not an OOM kill: {message}."
    elif reason:
        yield f"The kubelet ended it: {reason}."


def _ends(pod: Json, agent_since: datetime | None) -> Iterator[str]:
    for status in statuses(pod):
        name = text_at(status, "name") or "?"
        for key in ("state", "lastState"):
            ended = object_at(object_at(status, key), "terminated")
            if ended and number_at(ended, "exitCode") != 0:
                yield f"Container {name}: {_end(ended, agent_since)}"


def _end(ended: Json, agent_since: datetime | None) -> str:
    reason, code = text_at(ended, "reason") or "no reason", number_at(ended, "exitCode")
    finished = time_at(ended, "finishedAt")
    when = f" at {finished:%Y-%m-%d %H:%M:%S} UTC" if finished else ""
    said = f"the kubelet reports {reason} (exit code {code}){when}"
    if reason == _OOM_KILLED:
        return f"{said}. {_unseen(finished, agent_since)}"
    if code == _BY_SIGKILL:
        return (
            f"{said}: SIGKILL, but not from the OOM killer as far as oomwarden knows. The kubelet "
            "sends it when a container does not end within its grace period, or fails its liveness "
            "probe."
        )
    return f"{said}, which is no OOM kill."


def _unseen(finished: datetime | None, agent_since: datetime | None) -> str:
    if finished and agent_since and finished < agent_since:
        return (
            f"The node's agent did not run then: it started at {agent_since:%Y-%m-%d %H:%M:%S} UTC."
        )
    return (
        "There is no record of it: the node's agent did not run then, or the record has been "
        "deleted since (see kubectl oom nodes)."
    )


def _events(events: Sequence[Json]) -> Iterator[str]:
    found = [each for each in events if text_at(each, "reason") in _RELEVANT]
    for each in found[-MAX_EVENTS:]:
        note = text_at(each, "note") or text_at(each, "message") or ""
        yield f"Event {text_at(each, 'reason')}: {note[:_NOTE]}"


def node_of(pod: Json) -> str | None:
    """Return the name of the pod's node; None if it has none."""
    return text_at(object_at(pod, "spec"), "nodeName")


def agent_start(node: Json | None) -> datetime | None:
    """Return when the agent of an OOMNode started; None if it is unknown."""
    return time_at(object_at(object_at(node, "status"), "agent"), "started")
