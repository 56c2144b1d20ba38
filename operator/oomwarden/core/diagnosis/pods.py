"""Why a pod is not ready, in one sentence."""

from collections.abc import Iterable, Iterator

from oomwarden.core.history.kill_record import number_at, text_at
from oomwarden.core.objects.json_parts import Json, object_at, objects_at

MAX_TEXT = 300


def by_node(pods: Iterable[Json]) -> dict[str, Json]:
    """Return a DaemonSet's pods by the names of their nodes, a ready one before another."""
    return {_node_of(each): each for each in sorted(pods, key=is_ready)}


def _node_of(pod: Json) -> str:
    """Return the node of a pod; a pending pod of a DaemonSet names it in its affinity."""
    spec = object_at(pod, "spec")
    affinity = object_at(object_at(spec, "affinity"), "nodeAffinity")
    required = object_at(affinity, "requiredDuringSchedulingIgnoredDuringExecution")
    fields = [
        field
        for term in objects_at(required, "nodeSelectorTerms")
        for field in objects_at(term, "matchFields")
    ]
    wanted = [field.get("values") for field in fields if field.get("key") == "metadata.name"]
    named = wanted[0] if wanted and isinstance(wanted[0], list) and wanted[0] else [""]
    return str(spec.get("nodeName") or named[0])


def is_ready(pod: Json) -> bool:
    """Return whether a pod is ready."""
    return any(
        each.get("type") == "Ready" and each.get("status") == "True"
        for each in objects_at(object_at(pod, "status"), "conditions")
    )


def why_not_ready(pod: Json) -> str:
    """Return why a pod is not ready, as far as its status says."""
    if object_at(pod, "metadata").get("deletionTimestamp"):
        return "it is terminating"
    found = [*_containers(pod), *_conditions(pod)]
    return found[0][:MAX_TEXT] if found else "its status does not say why"


def _containers(pod: Json) -> Iterator[str]:
    for each in objects_at(object_at(pod, "status"), "containerStatuses"):
        waiting = object_at(object_at(each, "state"), "waiting")
        ended = object_at(object_at(each, "lastState"), "terminated")
        reason = text_at(waiting, "reason")
        if not reason or reason == "ContainerCreating":
            continue
        code = number_at(ended, "exitCode")
        last = f", last {text_at(ended, 'reason')} with exit code {code}" if ended else ""
        message = text_at(waiting, "message") or ""
        yield f"{reason}{last}" + (f": {message}" if message else "")


def _conditions(pod: Json) -> Iterator[str]:
    for each in objects_at(object_at(pod, "status"), "conditions"):
        if each.get("status") == "False" and each.get("message"):
            yield f"{text_at(each, 'reason') or each.get('type')}: {text_at(each, 'message')}"
