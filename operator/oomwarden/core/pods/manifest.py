"""Converts a Pod from the API server to the facts that the agent needs."""

from collections.abc import Iterator, Mapping
from sys import intern

from msgspec.structs import replace

from oomwarden.api.oomkill import ContainerType, Owner
from oomwarden.core.model.limit_ownership import LimitOwnership, last_other_manager, limit_managers
from oomwarden.core.model.pod import ContainerFacts, PodFacts, ResizeStatus, SpecLimit
from oomwarden.core.model.quantity import parse_bytes
from oomwarden.core.objects.json_parts import Json
from oomwarden.core.pods.limit_adoption import legacy_owner
from oomwarden.core.pods.qos import qos_of
from oomwarden.core.pods.shape import shaped_pod
from oomwarden.core.pods.static_pods import claimed_hash, has_kubelet_status, is_mirror

_RESIZING = ("PodResizePending", "PodResizeInProgress")


def pod_facts(manifest: Json) -> PodFacts:
    """Parse a Pod; what cannot be parsed is absent, and named in `unreadable`.

    A static pod's cgroup is named after its config.hash, not after the UID of its mirror pod
    (kubernetes pkg/kubelet/config/common.go, v1.37).

    Raises:
        ValueError: Its name, namespace or UID is missing.
    """
    pod, problems = shaped_pod(manifest)
    found, why = claimed_hash(pod) if is_mirror(pod) else (None, "")
    facts = _facts(pod, found or pod["metadata"]["uid"])
    confirmed = found is None or has_kubelet_status(pod.get("status") or {})
    return replace(
        facts, unreadable="; ".join(filter(None, (problems, why))), is_confirmed=confirmed
    )


def _facts(manifest: Json, cgroup_uid: str) -> PodFacts:
    metadata, spec = manifest["metadata"], manifest.get("spec") or {}
    status = manifest.get("status") or {}
    managed = metadata.get("managedFields") or ()
    resized = [each for each in managed if "subresource" in each]
    return PodFacts(
        uid=metadata["uid"],
        cgroup_uid=cgroup_uid,
        namespace=intern(metadata["namespace"]),  # one string for all pods, as below
        name=metadata["name"],
        labels={intern(key): value for key, value in (metadata.get("labels") or {}).items()},
        qos=qos_of({"spec": spec, "status": status}),
        priority_class=spec.get("priorityClassName") or None,
        owner=_owner(metadata),
        deleting="deletionTimestamp" in metadata,
        containers=tuple(_containers(spec, status, resized)),
        created=metadata.get("creationTimestamp"),
        resize=_resize(status),
        request=_request(spec, {}),
        limit=_memory_limit(spec) or None,
        overhead=max(_bytes((spec.get("overhead") or {}).get("memory", 0)), 0),
        tmpfs=tuple(_memory_backed(spec)),
        left_out=manifest.get("cut", ""),
    )


def _memory_backed(spec: Json) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        if volume.get("emptyDir", {}).get("medium") == "Memory":
            yield volume["name"]


def _resize(status: Json) -> ResizeStatus:
    """Read the kubelet's resize status (kubernetes pkg/kubelet/status, v1.37)."""
    for condition in status.get("conditions") or ():
        if condition.get("type") in _RESIZING and condition.get("status") == "True":
            reason = condition.get("reason") or "InProgress"
            return ResizeStatus(reason, condition.get("message") or "")
    return ResizeStatus()


def _containers(spec: Json, status: Json, resized: list[Json]) -> Iterator[ContainerFacts]:
    for key in ("initContainers", "containers", "ephemeralContainers"):
        statuses = status.get(f"{key.removesuffix('s')}Statuses") or ()
        by_name = {each["name"]: each for each in statuses}
        for container in spec.get(key) or ():
            found = _container(_type(key, container), container, by_name.get(container["name"], {}))
            name, limit = container["name"], _memory_limit(container)
            managers = limit_managers(resized, key, name) if resized else ()
            writers = (
                last_other_manager(managers),
                legacy_owner(managers, name),
                _spec_request(container),
            )
            yield replace(
                found, spec=SpecLimit(limit, LimitOwnership(), _restarts(container), *writers)
            )


def _restarts(container: Json) -> bool:
    """Return whether a resize of its memory restarts the container (KEP-1287, resizePolicy)."""
    for policy in container.get("resizePolicy") or ():
        if policy.get("resourceName") == "memory":
            return bool(policy.get("restartPolicy") == "RestartContainer")
    return False


def _type(key: str, container: Json) -> ContainerType:
    if key == "ephemeralContainers":
        return ContainerType.EPHEMERAL
    if key == "containers":
        return ContainerType.APP
    sidecar = container.get("restartPolicy") == "Always"
    return ContainerType.SIDECAR if sidecar else ContainerType.INIT


def _container(kind: ContainerType, container: Json, status: Json) -> ContainerFacts:
    state, last = status.get("state") or {}, status.get("lastState") or {}
    current = _bare_id(status)
    ended = _bare_id(state.get("terminated") or {}) or _bare_id(last.get("terminated") or {})
    running = "running" in state
    return ContainerFacts(
        name=intern(container["name"]),
        type=kind,
        container_id=current if running else None,
        previous_id=ended if running else ended or current,
        limit=_limit(container, status),
        request=_request(container, status),
    )


def _request(container: Json, status: Json) -> int:
    """Return the memory request that the kubelet has allocated, in bytes; 0 for none."""
    allocated = status.get("allocatedResources")
    return _spec_request(container) if not allocated else max(_bytes(allocated.get("memory", 0)), 0)


def _spec_request(container: Json) -> int:
    """Return the memory request in a spec, in bytes; 0 for none."""
    requests = (container.get("resources") or {}).get("requests") or {}
    return max(_bytes(requests.get("memory", 0)), 0)


def _bare_id(status: Json) -> str | None:
    """Return the container ID without the runtime's prefix, such as `containerd://`."""
    return status.get("containerID", "").rpartition("//")[2] or None


def _limit(container: Json, status: Json) -> int | None:
    """Return the memory limit in effect, in bytes, which a pending resize may still change.

    A status with empty resources means that the container has no limit yet (kubernetes
    pkg/kubelet/kubelet_pods.go, convertContainerStatusResources, v1.37).
    """
    return _memory_limit(status if "resources" in status else container)


def _memory_limit(container: Json) -> int | None:
    """Return the limit in a spec or status; 0 means none, like no value.

    Source: kubernetes pkg/kubelet/kuberuntime/kuberuntime_manager.go, validateMemoryResizeAction.
    """
    limit = ((container.get("resources") or {}).get("limits") or {}).get("memory")
    size = 0 if limit is None else _bytes(limit)
    return size if size > 0 else None


def _bytes(amount: object) -> int:
    """Parse an amount of memory, with blanks around it (quantity.go, UnmarshalJSON)."""
    return parse_bytes(str(amount).strip())


def _owner(metadata: Json) -> Owner | None:
    for reference in metadata.get("ownerReferences") or ():
        if reference.get("controller"):
            return _workload(reference, metadata.get("labels") or {})
    return None


def _workload(reference: Json, labels: Mapping[str, str]) -> Owner:
    """Return the Deployment instead of its ReplicaSet, which is called <deployment>-<hash>."""
    kind, name = intern(reference.get("kind", "")), reference.get("name", "")
    suffix = f"-{labels.get('pod-template-hash', '')}"
    if kind == "ReplicaSet" and len(suffix) > 1 and name.endswith(suffix):
        return Owner(kind="Deployment", name=name.removesuffix(suffix))
    return Owner(kind=kind, name=name)
