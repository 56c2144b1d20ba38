"""The state of a cluster from its manifests, as far as they can be read."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from oomwarden.api.codec.codec import decode
from oomwarden.api.codec.refusals import InvalidObjectError
from oomwarden.api.free_text import readable
from oomwarden.api.oomlimit import KeptLimit
from oomwarden.core.model.limit_ownership import with_ownership
from oomwarden.core.model.pod import Labels, PodFacts
from oomwarden.core.model.quantity import QuantityError, parse_bytes
from oomwarden.core.objects.json_parts import Json, Manifest, object_at, objects_at
from oomwarden.core.objects.needed_fields import pod_fields
from oomwarden.core.objects.unreadable import display_name
from oomwarden.core.pods.manifest import pod_facts
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED, Policy, parse_policy
from oomwarden.core.policy_preview.cluster_state import PlannedNode, PlannedPod

MAX_NAMED = 5
_ENDED = ("Succeeded", "Failed")
_TEMPLATES = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"}
"""Workloads whose pod template stands for a pod."""

KeptLimits = Mapping[str, KeptLimit]
"""What an OOMLimit says, by container."""


class Manifests(Struct):
    """Objects of a cluster by kind.

    Attributes:
        by_kind: The objects.
        unreadable: What could not be read, for people.
    """

    by_kind: dict[str, list[Manifest]] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)

    def add(self, manifests: Iterable[Manifest], kind: str = "") -> None:
        """Add objects; those of a list from the API server do not name their kind."""
        for each in manifests:
            self.by_kind.setdefault(kind or str(each.get("kind")), []).append(each)

    def of(self, kind: str) -> list[Manifest]:
        """Return the objects of a kind."""
        return self.by_kind.get(kind, [])

    def pods(self, namespace: str) -> tuple[PlannedPod, ...]:
        """Return the pods that run or will run, and one for each template of a workload.

        Args:
            namespace: The namespace of what names none.
        """
        kept = {_name(each): dict(_kept(each)) for each in self.of("OOMLimit")}
        templates = (each for kind in sorted(_TEMPLATES) for each in self.of(kind))
        manifests = [*self.of("Pod"), *map(_of_template, templates)]
        found = (self._pod(each, namespace, kept) for each in manifests)
        return tuple(each for each in found if each is not None)

    def _pod(
        self, manifest: Manifest, namespace: str, kept: Mapping[str, KeptLimits]
    ) -> PlannedPod | None:
        metadata = object_at(manifest, "metadata")
        ended = object_at(manifest, "status").get("phase") in _ENDED
        if ended or metadata.get("deletionTimestamp"):
            return None
        name = metadata.get("name")
        named = {"namespace": namespace, "uid": f"{metadata.get('namespace')}/{name}", **metadata}
        try:
            facts = pod_facts(pod_fields({**manifest, "metadata": named}))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.unreadable.append(readable(f"{display_name('Pod', manifest)}: {error}", 300))
            return None
        if facts.unreadable:
            self.unreadable.append(f"{display_name('Pod', manifest)}: {facts.unreadable}")
        node = object_at(manifest, "spec").get("nodeName")
        owned = _with_ownership(facts, kept.get(facts.uid, {}))
        return PlannedPod(owned, node if isinstance(node, str) else "")

    def namespaces(self) -> dict[str, Labels]:
        """Return the labels of the namespaces."""
        return {_name(each): _labels(each) for each in self.of("Namespace")}

    def nodes(self, *, with_agents: bool) -> dict[str, PlannedNode]:
        """Return the nodes.

        Args:
            with_agents: Whether the OOMNodes are known, so that a node without one has no agent.
        """
        reports = {_name(each): each for each in self.of("OOMNode")}
        found = {_name(each): _node(each) for each in self.of("Node")}
        for name in {*reports, *found} if with_agents else reports:
            found[name] = _with_report(found.get(name, PlannedNode()), reports.get(name))
        return found

    def policies(self, namespace: str) -> tuple[Policy, ...]:
        """Return the policies; agents skip those that are invalid too."""
        return tuple(self._policies(namespace))

    def _policies(self, namespace: str) -> Iterator[Policy]:
        for kind in (NAMESPACED, CLUSTER):
            for each in self.of(kind):
                try:
                    yield parse_policy(kind, in_namespace(each, namespace))
                except ValueError as error:
                    self.unreadable.append(readable(f"{display_name(kind, each)}: {error}", 300))

    def notes(self) -> list[str]:
        """Name what could not be read."""
        named, more = self.unreadable[:MAX_NAMED], len(self.unreadable) - MAX_NAMED
        return [f"not readable, and left out: {each}" for each in named] + (
            [f"and {more} more objects are not readable"] if more > 0 else []
        )


def in_namespace(manifest: Manifest, namespace: str) -> Manifest:
    """Return an object that names its namespace."""
    metadata = {"namespace": namespace, **object_at(manifest, "metadata")}
    return {**manifest, "metadata": metadata}


def _of_template(workload: Manifest) -> Manifest:
    """Return the pod that a workload makes, with the workload as its owner."""
    spec, metadata = object_at(workload, "spec"), object_at(workload, "metadata")
    job = object_at(object_at(spec, "jobTemplate"), "spec")
    template = object_at(spec, "template") or object_at(job, "template")
    owner: dict[str, Any] = {"kind": workload.get("kind"), "name": metadata.get("name")}
    return {
        "metadata": {
            "name": metadata.get("name"),
            "labels": object_at(object_at(template, "metadata"), "labels"),
            "ownerReferences": [{**owner, "controller": True}],
            **({"namespace": metadata["namespace"]} if metadata.get("namespace") else {}),
        },
        "spec": object_at(template, "spec"),
    }


def _with_ownership(facts: PodFacts, kept: KeptLimits) -> PodFacts:
    """Return a pod with what its OOMLimit says of its limits."""
    if not kept:
        return facts
    containers = tuple(with_ownership(each, kept.get(each.name)) for each in facts.containers)
    return replace(facts, containers=containers)


def _kept(manifest: Json) -> Iterator[tuple[str, KeptLimit]]:
    for each in objects_at(object_at(manifest, "spec"), "containers"):
        try:
            kept = decode(KeptLimit, each)
        except InvalidObjectError:
            continue
        yield kept.name, kept


def _name(manifest: Json) -> str:
    return str(object_at(manifest, "metadata").get("name") or "")


def _labels(manifest: Json) -> Labels:
    labels = object_at(object_at(manifest, "metadata"), "labels")
    return {key: value for key, value in labels.items() if isinstance(value, str)}


def _node(manifest: Json) -> PlannedNode:
    capacity = object_at(object_at(manifest, "status"), "capacity").get("memory")
    return PlannedNode(labels=_labels(manifest), capacity=_amount(capacity))


def _with_report(node: PlannedNode, report: Json | None) -> PlannedNode:
    if report is None:
        return replace(node, has_agent=False)
    status = object_at(report, "status")
    conditions = {each.get("type"): each.get("status") for each in objects_at(status, "conditions")}
    capacity = _amount(object_at(status, "memory").get("capacity"))
    known = {"True": True, "False": False}.get(str(conditions.get("CgroupWrites")))
    return replace(
        node, capacity=node.capacity or capacity, has_agent=bool(status), cgroup_writes=known
    )


def _amount(text: object) -> int | None:
    try:
        return parse_bytes(str(text)) if text is not None else None
    except QuantityError:
        return None
