"""What is kept of objects from the API server: the fields that are needed, within bounds.

A Pod may have 1.5 MiB (etcd), of which 256 KiB are annotations and any share is labels or
containers: 250 of them would exhaust an agent's memory. What exceeds a bound is left out and named
in `cut`, a member that no Pod of the API server has.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from oomwarden.core.objects.json_parts import Json, object_at, objects_at

MAX_LABEL_BYTES = 16 * 1024
"""Keys and values; some 250 labels of typical length. Those whose keys sort last are left out."""
MAX_LABEL_BYTES_ENDED = 2 * 1024
"""For a pod that has ended: the API server keeps up to 12,500 of them (podgc)."""
MAX_CONTAINERS = 256
"""In each of a pod's three lists."""
MAX_WRITERS = 64
"""Entries of managedFields for pods/resize."""
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

Fields = dict[str, Any]


def without_large_metadata(manifest: Json, annotation: str = "") -> Fields:
    """Return an object without managedFields and annotations, except for one annotation."""
    metadata = object_at(manifest, "metadata")
    kept = {key: metadata[key] for key in metadata if key not in {"annotations", "managedFields"}}
    wanted = object_at(metadata, "annotations").get(annotation)
    if wanted is not None:
        kept["annotations"] = {annotation: _short(wanted)}
    return {**manifest, "metadata": kept}


def namespace_labels(manifest: Json) -> Fields:
    """Return a Namespace's name and labels."""
    metadata = object_at(manifest, "metadata")
    labels, cut = _labels(metadata, MAX_LABEL_BYTES)
    return {"metadata": {**_only(metadata, _METADATA), "labels": labels}, **_cut([cut])}


def pod_fields(manifest: Json) -> Fields:
    """Return the fields of a Pod that core.pods and core.records read."""
    metadata, spec = object_at(manifest, "metadata"), object_at(manifest, "spec")
    status = object_at(manifest, "status")
    ended = status.get("phase") in _ENDED
    lists = () if ended and not _has_run(status) else _LISTS
    containers = {key: [_container(each) for each in _first(spec, key)] for key in lists}
    labels, cut = _labels(metadata, MAX_LABEL_BYTES_ENDED if ended else MAX_LABEL_BYTES)
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
        **(_cut([cut, *left]) if lists else {}),
    }


def _cut(cut: Iterable[str]) -> Fields:
    found = ", ".join(filter(None, cut))
    return {"cut": found} if found else {}


def _has_run(status: Json) -> bool:
    """Return whether the kubelet accepted the pod: a rejected one has no container statuses."""
    return any(status.get(_statuses(key)) for key in _LISTS)


def _statuses(key: str) -> str:
    return f"{key.removesuffix('s')}Statuses"


def _only(found: Json, keys: Iterable[str]) -> Fields:
    parts = {key: _short(found.get(key)) for key in keys}
    return {key: part for key, part in parts.items() if part is not None}


def _short(value: object) -> object:
    """Truncate text; values that are neither text nor numbers are malformed."""
    if isinstance(value, str):
        return value[:_TEXT]
    return value if isinstance(value, int | float) else None


def _labels(metadata: Json, most: int) -> tuple[dict[str, str], str]:
    """Return the labels that fit, and how many do not."""
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


def _first(spec: Json, key: str) -> list[Json]:
    return objects_at(spec, key)[:MAX_CONTAINERS]


def _left_out(spec: Json, key: str) -> str:
    count = len(objects_at(spec, key))
    more = count - MAX_CONTAINERS
    return f"{more} of {count} {key}" if more > 0 else ""


def _container(container: Json) -> Fields:
    kept = _only(container, ("name", "restartPolicy"))
    policies = objects_at(container, "resizePolicy")[:8]
    resize = [_only(each, ("resourceName", "restartPolicy")) for each in policies]
    return {**kept, **({"resizePolicy": resize} if resize else {}), **_resources(container)}


def _resources(part: Json) -> Fields:
    """Keep requests and limits, memory and CPU first. In a status, empty resources are kept too."""
    resources = object_at(part, "resources")
    if not isinstance(part.get("resources"), Mapping):
        return {}
    kinds = [key for key in ("limits", "requests") if resources.get(key) is not None]
    return {"resources": {key: _amounts(object_at(resources, key)) for key in kinds}}


def _of_pod(spec: Json) -> Fields:
    """Keep a RuntimeClass's overhead, and which volumes are tmpfs: an Event names the first."""
    tmpfs = [
        {**_only(each, ("name",)), "emptyDir": {"medium": "Memory"}}
        for each in objects_at(spec, "volumes")
        if object_at(each, "emptyDir").get("medium") == "Memory"
    ]
    overhead = object_at(spec, "overhead")
    return {**({"overhead": _amounts(overhead)} if overhead else {}), "volumes": tmpfs[:16]}


def _amounts(amounts: Json) -> Fields:
    names = sorted(amounts, key=lambda name: (name not in {"memory", "cpu"}, name))
    return _only(amounts, names[:32])


def _status(status: Json, containers: Mapping[str, list[Fields]]) -> Fields:
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


def _container_statuses(statuses: Iterable[Json], containers: list[Fields]) -> list[Fields]:
    by_name = {str(each.get("name")): each for each in statuses}
    names = {str(each.get("name")) for each in containers}
    return [_container_status(each) for name, each in by_name.items() if name in names]


def _container_status(status: Json) -> Fields:
    allocated = object_at(status, "allocatedResources")
    return {
        **_only(status, ("name", "containerID", "restartCount", "started")),
        **{key: _state(status, key) for key in ("state", "lastState") if status.get(key)},
        **({"allocatedResources": _amounts(allocated)} if allocated else {}),
        **_resources(status),
    }


def _state(status: Json, key: str) -> Fields:
    state = object_at(status, key)
    return {each: _only(object_at(state, each), _STATE) for each in _STATES if each in state}


def _controllers(metadata: Json) -> list[Json]:
    return [each for each in objects_at(metadata, "ownerReferences") if each.get("controller")][:1]


def _owner(reference: Json) -> Fields:
    return _only(reference, ("apiVersion", "kind", "name", "uid", "controller"))


def _writers(managed: Iterable[Json], containers: Mapping[str, list[Fields]]) -> list[Fields]:
    """Keep who last wrote pods/resize, and whose memory limit (core.model.limit_ownership)."""
    keys = ("manager", "operation", "subresource", "time")
    resized = [entry for entry in managed if entry.get("subresource") == "resize"][-MAX_WRITERS:]
    names = {
        f"f:{key}": {f'k:{{"name":"{each.get("name")}"}}' for each in kept}
        for key, kept in containers.items()
    }
    return [
        {**_only(entry, keys), "fieldsV1": _limits(object_at(entry, "fieldsV1"), names)}
        for entry in resized
    ]


def _limits(fields: Json, names: Mapping[str, set[str]]) -> Fields:
    """Keep which memory limits of these containers an entry owns."""
    spec = object_at(fields, "f:spec")
    lists = {
        key: {n: _MEMORY for n, f in object_at(spec, key).items() if n in known and _owns_limit(f)}
        for key, known in names.items()
    }
    return {"f:spec": {key: owned for key, owned in lists.items() if owned}}


def _owns_limit(found: Any) -> bool:  # noqa: ANN401 - any JSON value
    for key in ("f:resources", "f:limits", "f:memory"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found is not None
