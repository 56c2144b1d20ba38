"""A Pod as the API server gives it, to what the agent needs to know of it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from oomwarden.api.oomkill import ContainerType, Owner
from oomwarden.core.model.limit_ownership import LimitWriters, changer, changers
from oomwarden.core.model.pod import ContainerFacts, PodFacts, ResizeTrouble, SpecLimit
from oomwarden.core.model.quantity import parse_bytes
from oomwarden.core.pods.limit_adoption import old_mark
from oomwarden.core.pods.qos import qos_of
from oomwarden.core.pods.shape import pod_shaped
from oomwarden.core.pods.static_pods import claimed_hash, is_mirror, is_vouched_for

Manifest = Mapping[str, Any]

_RESIZING = ("PodResizePending", "PodResizeInProgress")


def pod_facts(manifest: Manifest) -> PodFacts:
    """Read a Pod's JSON; what cannot be read of it is absent, and named in `odd`.

    A static pod's cgroup is named after its config.hash, not after its mirror's UID (kubernetes
    pkg/kubelet/config/common.go, v1.37).

    Raises:
        ValueError: its name, namespace or UID is missing.
    """
    shaped, odd = pod_shaped(manifest)
    found, why = claimed_hash(shaped) if is_mirror(shaped) else (None, "")
    facts = _facts(shaped, found or shaped["metadata"]["uid"])
    vouched = found is None or is_vouched_for(shaped.get("status") or {})
    return replace(facts, odd="; ".join(filter(None, (odd, why))), vouched=vouched)


def _facts(manifest: Manifest, cgroup_uid: str) -> PodFacts:
    metadata, spec = manifest["metadata"], manifest.get("spec") or {}
    status = manifest.get("status") or {}
    managed = metadata.get("managedFields") or ()
    resized = [each for each in managed if "subresource" in each]
    return PodFacts(
        uid=metadata["uid"],
        cgroup_uid=cgroup_uid,
        namespace=metadata["namespace"],
        name=metadata["name"],
        labels=dict(metadata.get("labels") or {}),
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
        cut=manifest.get("cut", ""),
    )


def _memory_backed(spec: Manifest) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        if volume.get("emptyDir", {}).get("medium") == "Memory":
            yield volume["name"]


def _resize(status: Manifest) -> ResizeTrouble:
    """Read what the kubelet says of a resize (kubernetes pkg/kubelet/status, v1.37)."""
    for condition in status.get("conditions") or ():
        if condition.get("type") in _RESIZING and condition.get("status") == "True":
            reason = condition.get("reason") or "InProgress"
            return ResizeTrouble(reason, condition.get("message") or "")
    return ResizeTrouble()


def _containers(
    spec: Manifest, status: Manifest, resized: list[Manifest]
) -> Iterator[ContainerFacts]:
    for key in ("initContainers", "containers", "ephemeralContainers"):
        statuses = status.get(f"{key.removesuffix('s')}Statuses") or ()
        by_name = {each["name"]: each for each in statuses}
        for container in spec.get(key) or ():
            found = _container(_type(key, container), container, by_name.get(container["name"], {}))
            name, asked = container["name"], _memory_limit(container)
            who = changers(resized, key, name) if resized else ()
            told = (changer(who), old_mark(who, name), _asked(container))
            yield replace(found, spec=SpecLimit(asked, LimitWriters(), _restarts(container), *told))


def _restarts(container: Manifest) -> bool:
    """Whether a resize of its memory restarts it (KEP-1287, resizePolicy)."""
    for policy in container.get("resizePolicy") or ():
        if policy.get("resourceName") == "memory":
            return bool(policy.get("restartPolicy") == "RestartContainer")
    return False


def _type(key: str, container: Manifest) -> ContainerType:
    if key == "ephemeralContainers":
        return ContainerType.EPHEMERAL
    if key == "containers":
        return ContainerType.APP
    sidecar = container.get("restartPolicy") == "Always"
    return ContainerType.SIDECAR if sidecar else ContainerType.INIT


def _container(kind: ContainerType, container: Manifest, status: Manifest) -> ContainerFacts:
    state, last = status.get("state") or {}, status.get("lastState") or {}
    told = _bare_id(status)
    ended = _bare_id(state.get("terminated") or {}) or _bare_id(last.get("terminated") or {})
    running = "running" in state
    return ContainerFacts(
        name=container["name"],
        type=kind,
        container_id=told if running else None,
        previous_id=ended if running else ended or told,
        limit=_limit(container, status),
        request=_request(container, status),
    )


def _request(container: Manifest, status: Manifest) -> int:
    """Give the memory request that the kubelet has allocated, in bytes; 0: none."""
    told = status.get("allocatedResources")
    return _asked(container) if not told else max(_bytes(told.get("memory", 0)), 0)


def _asked(container: Manifest) -> int:
    """Give the memory request of a spec in bytes; 0: none."""
    requests = (container.get("resources") or {}).get("requests") or {}
    return max(_bytes(requests.get("memory", 0)), 0)


def _bare_id(status: Manifest) -> str | None:
    """Strip the runtime's name: `containerd://` and the like."""
    return status.get("containerID", "").rpartition("//")[2] or None


def _limit(container: Manifest, status: Manifest) -> int | None:
    """Give the memory limit in bytes: the one in force, which a resize may still have to change.

    A status with empty resources tells of a container that has no limit yet (kubernetes
    pkg/kubelet/kubelet_pods.go, convertContainerStatusResources, v1.37).
    """
    return _memory_limit(status if "resources" in status else container)


def _memory_limit(container: Manifest) -> int | None:
    """Give the limit that a spec or status has; 0 means none, as nothing does.

    Source: kubernetes pkg/kubelet/kuberuntime/kuberuntime_manager.go, validateMemoryResizeAction.
    """
    limit = ((container.get("resources") or {}).get("limits") or {}).get("memory")
    size = 0 if limit is None else _bytes(limit)
    return size if size > 0 else None


def _bytes(amount: object) -> int:
    """Read an amount of memory, blanks around it included (quantity.go, UnmarshalJSON)."""
    return parse_bytes(str(amount).strip())


def _owner(metadata: Manifest) -> Owner | None:
    for reference in metadata.get("ownerReferences") or ():
        if reference.get("controller"):
            return _above(reference, metadata.get("labels") or {})
    return None


def _above(reference: Manifest, labels: Mapping[str, str]) -> Owner:
    """Name the Deployment in place of its ReplicaSet, which is called <deployment>-<hash>."""
    kind, name = reference.get("kind", ""), reference.get("name", "")
    suffix = f"-{labels.get('pod-template-hash', '')}"
    if kind == "ReplicaSet" and len(suffix) > 1 and name.endswith(suffix):
        return Owner(kind="Deployment", name=name.removesuffix(suffix))
    return Owner(kind=kind, name=name)
