"""Fetches what a story is made of; what cannot be read becomes a note."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.errors import ForbiddenError, NotFoundError
from oomwarden.cli.cluster.owner_chain import owner_chain
from oomwarden.cli.cluster.resources import (
    CLUSTER_OOM_POLICIES,
    EVENTS,
    LIMIT_RANGES,
    OOM_NODES,
    OOM_POLICIES,
    PODS,
    with_query,
)
from oomwarden.cli.errors import CliError
from oomwarden.core.explanation.known_facts import KnownFacts
from oomwarden.core.history.kill_record import KillRecord, bytes_at, text_at
from oomwarden.core.objects.json_parts import Json, Manifest, object_at, objects_at
from oomwarden.core.workloads.owner import (
    OwnerObject,
    OwnerReference,
    controller_of,
    reference_of_kind,
)

_LIMIT_RANGER = "kubernetes.io/limit-ranger"
MAX_EVENTS = 50
_T = TypeVar("_T")


def known_facts(cluster: Cluster, record: KillRecord, others: Sequence[KillRecord]) -> KnownFacts:
    """Return the record with everything about it that the user may read."""
    notes: list[str] = []
    pod, is_gone = _pod(cluster, record, notes)
    policy, is_policy_gone = _policy(cluster, record, notes)
    owners = _owners(cluster, record, pod, notes)
    return KnownFacts(
        record=record,
        pod=pod,
        is_pod_gone=is_gone,
        owners=owners,
        policy=policy,
        is_policy_gone=is_policy_gone,
        node_memory=_node_memory(cluster, record, pod),
        limit_ranges=_limit_ranges(cluster, record, pod),
        others=others,
        notes=notes,
    )


def attempt(read: Callable[[], _T], notes: list[str], what: str) -> tuple[_T | None, bool]:
    """Return what could be read, and whether it is known not to exist."""
    try:
        return read(), False
    except NotFoundError:
        return None, True
    except ForbiddenError as error:
        notes.append(f"{what} is unknown: {error}.")
    except CliError as error:
        notes.append(f"{what} cannot be read: {error}.")
    return None, False


def _pod(cluster: Cluster, record: KillRecord, notes: list[str]) -> tuple[Manifest | None, bool]:
    name = record.pod
    if name is None:
        return None, False
    pod, is_gone = attempt(lambda: cluster.get(PODS, record.namespace, name), notes, f"Pod {name}")
    if pod is None or record.pod_uid in {None, text_at(object_at(pod, "metadata"), "uid")}:
        return pod, is_gone
    notes.append(f"Pod {name} is another one now: it was created again since the kill.")
    return None, True


def _owners(
    cluster: Cluster, record: KillRecord, pod: Json | None, notes: list[str]
) -> list[OwnerObject]:
    """Return the owners; a Deployment that the record names also if its ReplicaSet is unread."""
    found = owner_chain(cluster, record.namespace, _controller(record, pod), notes)
    is_cut = bool(found) and found[-1].manifest is None
    if is_cut and record.owner and record.owner[0] != found[-1].reference.kind:
        found += owner_chain(cluster, record.namespace, reference_of_kind(*record.owner), notes)
    return found


def _controller(record: KillRecord, pod: Json | None) -> OwnerReference | None:
    if pod is not None:
        return controller_of(pod)
    return reference_of_kind(*record.owner) if record.owner else None


def _policy(cluster: Cluster, record: KillRecord, notes: list[str]) -> tuple[Manifest | None, bool]:
    if record.policy is None:
        return None, False
    kind, name = record.policy
    resource = CLUSTER_OOM_POLICIES if kind == "ClusterOOMPolicy" else OOM_POLICIES
    namespace = record.namespace if resource.namespaced else None
    return attempt(lambda: cluster.get(resource, namespace, name), notes, f"{kind} {name}")


def _node_memory(cluster: Cluster, record: KillRecord, pod: Json | None) -> int | None:
    """Return the node's RAM if it explains the score; it is optional, so nothing is noted."""
    node = oom_node(cluster, record.node) if _is_burstable(pod) else None
    return bytes_at(object_at(object_at(node, "status"), "memory"), "capacity")


def _is_burstable(pod: Json | None) -> bool:
    return object_at(pod, "status").get("qosClass") == "Burstable"


def oom_node(cluster: Cluster, name: str | None) -> Manifest | None:
    """Return the OOMNode of a node; None if it does not exist, or if the user may not read it."""
    if name is None:
        return None
    return attempt(lambda: cluster.get(OOM_NODES, None, name), [], "")[0]


def _limit_ranges(cluster: Cluster, record: KillRecord, pod: Json | None) -> list[str]:
    annotations = object_at(object_at(pod, "metadata"), "annotations")
    if "memory limit" not in str(annotations.get(_LIMIT_RANGER, "")):
        return []
    found, _ = attempt(lambda: list(cluster.items(LIMIT_RANGES, record.namespace)), [], "")
    return [text_at(object_at(each, "metadata"), "name") or "" for each in found or ()]


def events_of(cluster: Cluster, namespace: str, pod: Json) -> list[Json]:
    """Return Events of a pod; none if the user may not read them."""
    uid = text_at(object_at(pod, "metadata"), "uid")
    selector = f"regarding.uid={uid}"
    path = with_query(EVENTS.path(namespace), limit=MAX_EVENTS, fieldSelector=selector)
    right = EVENTS.right("list", namespace)
    found, _ = attempt(lambda: cluster.request("GET", path, right), [], "")
    return objects_at(found, "items")
