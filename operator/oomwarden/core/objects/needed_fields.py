"""What is kept of an object that the API server lists or tells: what is needed, and within bounds.

A Pod may have 1.5 MiB (etcd), of which 256 KiB are annotations and any part labels or containers:
250 of them would take an agent's memory. What exceeds a bound is cut and named in `cut`, a member
that no Pod of the API server has.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from oomwarden.core.objects.json_parts import object_at, objects_at

MOST_LABEL_BYTES = 16 * 1024
"""Keys and values; some 250 labels of a usual length. What sorts last by key is cut."""
MOST_LABEL_BYTES_ENDED = 2 * 1024
"""Of a pod that has ended: the API server keeps up to 12,500 of them (podgc)."""
MOST_CONTAINERS = 256
"""In each of a pod's three lists."""
MOST_WRITERS = 64
"""Entries of managedFields, of pods/resize alone."""
_TEXT = 1024
_LISTS = ("initContainers", "containers", "ephemeralContainers")
_MIRROR = tuple(f"kubernetes.io/config.{each}" for each in ("mirror", "hash", "source"))
_METADATA = (
    "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp",
    "deletionTimestamp",
)  # fmt: skip
_STATE = ("containerID", "startedAt", "finishedAt", "reason", "exitCode", "signal")
_STATES = ("running", "waiting", "terminated")
_ENDED = ("Failed", "Succeeded")
_MEMORY: dict[str, Any] = {"f:resources": {"f:limits": {"f:memory": {}}}}

Manifest = Mapping[str, Any]
Made = dict[str, Any]


def without_large_metadata(manifest: Manifest, annotation: str = "") -> Made:
    """Leave out managedFields and annotations, but for one that somebody asks for."""
    metadata = object_at(manifest, "metadata")
    kept = {key: metadata[key] for key in metadata if key not in {"annotations", "managedFields"}}
    asked = object_at(metadata, "annotations").get(annotation)
    if asked is not None:
        kept["annotations"] = {annotation: _short(asked)}
    return {**manifest, "metadata": kept}


def namespace_labels(manifest: Manifest) -> Made:
    """Keep a Namespace's labels."""
    metadata = object_at(manifest, "metadata")
    labels, cut = _labels(metadata, MOST_LABEL_BYTES)
    return {"metadata": {**_only(metadata, _METADATA), "labels": labels}, **_told([cut])}


def pod_fields(manifest: Manifest) -> Made:
    """Keep of a Pod what core.pod_facts and core.contradiction read."""
    metadata, spec = object_at(manifest, "metadata"), object_at(manifest, "spec")
    status = object_at(manifest, "status")
    ended = status.get("phase") in _ENDED
    lists = () if ended and not _has_run(status) else _LISTS
    containers = {key: [_container(each) for each in _first(spec, key)] for key in lists}
    labels, cut = _labels(metadata, MOST_LABEL_BYTES_ENDED if ended else MOST_LABEL_BYTES)
    left = (_left_out(spec, key) for key in lists)
    return {
        "metadata": {
            **_only(metadata, _METADATA),
            "labels": labels if lists else {},
            "annotations": _only(object_at(metadata, "annotations"), _MIRROR),
            "ownerReferences": [_owner(each) for each in _controllers(metadata)],
            "managedFields": _writers(objects_at(metadata, "managedFields"), containers),
        },
        "spec": {
            **_only(spec, ("nodeName", "priorityClassName")),
            **_resources(spec),
            **_of_pod(spec),
            **containers,
        },
        "status": _status(status, containers),
        **(_told([cut, *left]) if lists else {}),
    }


def _told(cut: Iterable[str]) -> Made:
    found = ", ".join(filter(None, cut))
    return {"cut": found} if found else {}


def _has_run(status: Manifest) -> bool:
    """Whether the kubelet took the pod: one that it rejects has no statuses of containers."""
    return any(status.get(_statuses(key)) for key in _LISTS)


def _statuses(key: str) -> str:
    return f"{key.removesuffix('s')}Statuses"


def _only(found: Manifest, keys: Iterable[str]) -> Made:
    parts = {key: _short(found.get(key)) for key in keys}
    return {key: part for key, part in parts.items() if part is not None}


def _short(value: object) -> object:
    """Cut a text; what is neither text nor number is of another shape than is read."""
    if isinstance(value, str):
        return value[:_TEXT]
    return value if isinstance(value, int | float) else None


def _labels(metadata: Manifest, most: int) -> tuple[dict[str, str], str]:
    """Keep what fits, and tell how many labels do not."""
    found = object_at(metadata, "labels")
    labels = {key: value for key, value in found.items() if isinstance(value, str)}
    if sum(map(len, labels)) + sum(map(len, labels.values())) <= most:
        return dict(labels), ""
    kept: dict[str, str] = {}
    for key in sorted(labels):
        most -= len(key) + len(labels[key])
        if most < 0:
            break
        kept[key] = labels[key]
    return kept, f"{len(labels) - len(kept)} of {len(labels)} labels"


def _first(spec: Manifest, key: str) -> list[Manifest]:
    return objects_at(spec, key)[:MOST_CONTAINERS]


def _left_out(spec: Manifest, key: str) -> str:
    count = len(objects_at(spec, key))
    more = count - MOST_CONTAINERS
    return f"{more} of {count} {key}" if more > 0 else ""


def _container(container: Manifest) -> Made:
    kept = _only(container, ("name", "restartPolicy"))
    policies = objects_at(container, "resizePolicy")[:8]
    resize = [_only(each, ("resourceName", "restartPolicy")) for each in policies]
    return {**kept, **({"resizePolicy": resize} if resize else {}), **_resources(container)}


def _resources(part: Manifest) -> Made:
    """Keep requests and limits, memory and CPU first; in a status, that it has none tells also."""
    resources = object_at(part, "resources")
    if not isinstance(part.get("resources"), Mapping):
        return {}
    kinds = [key for key in ("limits", "requests") if resources.get(key) is not None]
    return {"resources": {key: _amounts(object_at(resources, key)) for key in kinds}}


def _of_pod(spec: Manifest) -> Made:
    """Keep a RuntimeClass's overhead, and which volumes are tmpfs: an Event names the first."""
    tmpfs = [
        {**_only(each, ("name",)), "emptyDir": {"medium": "Memory"}}
        for each in objects_at(spec, "volumes")
        if object_at(each, "emptyDir").get("medium") == "Memory"
    ]
    overhead = object_at(spec, "overhead")
    return {**({"overhead": _amounts(overhead)} if overhead else {}), "volumes": tmpfs[:16]}


def _amounts(amounts: Manifest) -> Made:
    names = sorted(amounts, key=lambda name: (name not in {"memory", "cpu"}, name))
    return _only(amounts, names[:32])


def _status(status: Manifest, containers: Mapping[str, list[Made]]) -> Made:
    conditions = [
        _only(each, ("type", "status", "reason", "message"))
        for each in objects_at(status, "conditions")[:64]
        if str(each.get("type", "")).startswith("PodResize")
    ]
    allocated = object_at(status, "allocatedResources")
    return {
        **_only(status, ("phase", "qosClass", "reason", "startTime")),
        **({"conditions": conditions} if conditions else {}),
        **({"allocatedResources": _amounts(allocated)} if allocated else {}),
        **_resources(status),
        **{
            _statuses(key): _container_statuses(objects_at(status, _statuses(key)), kept)
            for key, kept in containers.items()
        },
    }


def _container_statuses(statuses: Iterable[Manifest], containers: list[Made]) -> list[Made]:
    by_name = {str(each.get("name")): each for each in statuses}
    names = {str(each.get("name")) for each in containers}
    return [_container_status(each) for name, each in by_name.items() if name in names]


def _container_status(status: Manifest) -> Made:
    allocated = object_at(status, "allocatedResources")
    return {
        **_only(status, ("name", "containerID", "restartCount", "started")),
        **{key: _state(status, key) for key in ("state", "lastState") if status.get(key)},
        **({"allocatedResources": _amounts(allocated)} if allocated else {}),
        **_resources(status),
    }


def _state(status: Manifest, key: str) -> Made:
    state = object_at(status, key)
    return {each: _only(object_at(state, each), _STATE) for each in _STATES if each in state}


def _controllers(metadata: Manifest) -> list[Manifest]:
    return [each for each in objects_at(metadata, "ownerReferences") if each.get("controller")][:1]


def _owner(reference: Manifest) -> Made:
    return _only(reference, ("apiVersion", "kind", "name", "uid", "controller"))


def _writers(managed: Iterable[Manifest], containers: Mapping[str, list[Made]]) -> list[Made]:
    """Keep who wrote pods/resize last, and whose memory limit (core.limit_marks)."""
    keys = ("manager", "operation", "subresource", "time")
    resized = [entry for entry in managed if entry.get("subresource") == "resize"][-MOST_WRITERS:]
    names = {
        f"f:{key}": {f'k:{{"name":"{each.get("name")}"}}' for each in kept}
        for key, kept in containers.items()
    }
    return [
        {**_only(entry, keys), "fieldsV1": _limits(object_at(entry, "fieldsV1"), names)}
        for entry in resized
    ]


def _limits(fields: Manifest, names: Mapping[str, set[str]]) -> Made:
    """Keep which memory limits of these containers an entry owns."""
    spec = object_at(fields, "f:spec")
    lists = {
        key: {n: _MEMORY for n, f in object_at(spec, key).items() if n in known and _owns_limit(f)}
        for key, known in names.items()
    }
    return {"f:spec": {key: owned for key, owned in lists.items() if owned}}


def _owns_limit(found: Any) -> bool:  # noqa: ANN401 - whatever stands there
    for key in ("f:resources", "f:limits", "f:memory"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found is not None
