"""Whose memory ran out, and where the limit is set."""

import re

from oomwarden.api.oomkill import Cause
from oomwarden.core.explanation.known_facts import KnownFacts
from oomwarden.core.explanation.story import LimitOrigin, Sentences
from oomwarden.core.explanation.wording import amount, listed
from oomwarden.core.history.kill_record import KillRecord, text_at
from oomwarden.core.model.limit_ownership import limit_managers
from oomwarden.core.model.quantity import is_page_rounded
from oomwarden.core.objects.json_parts import object_at, objects_at
from oomwarden.core.objects.object_names import is_object_name
from oomwarden.core.workloads.pod_parts import memory_at
from oomwarden.core.workloads.pod_template import PodTemplate

_LIMIT_RANGER = "kubernetes.io/limit-ranger"
_VPA = "vpaUpdates"
_OURS = re.compile(r"oomwarden-(limit|raise)/")
_FIELDS = {"limit": "memory.limit", "raise": "onOOM.raiseLimit"}
_WITHOUT_LIMIT = {
    Cause.NODE_OUT_OF_MEMORY: "No limit: the whole machine ran out of memory.",
    Cause.NODE_ALLOCATABLE: "The limit of all pods of the node together (node allocatable, which "
    "the kubelet sets).",
    Cause.UNKNOWN: "It is unknown whose memory ran out.",
}
_CAUSES_WITH_LIMIT = {Cause.CONTAINER_LIMIT, Cause.POD_LIMIT}


def limit_origin(facts: KnownFacts) -> LimitOrigin:
    """Return whose limit it was and where it is set."""
    record, template = facts.record, facts.template
    is_own = record.cause in _CAUSES_WITH_LIMIT
    of_pod = record.cause == Cause.POD_LIMIT
    return LimitOrigin(
        cause=record.cause,
        limit_bytes=record.limit,
        enforced_at=record.enforced_at,
        set_in=_place(facts, template, of_pod=of_pod) if template and is_own else None,
        template_limit_bytes=template_limit(template) if is_own else None,
        sentences=(_whose(record), *(_who_set_it(facts) if is_own else ())),
    )


def template_limit(template: PodTemplate | None) -> int | None:
    """Return the limit of the container in the template now; None if it has none, or is unread."""
    return memory_at(template.placed.container, "limits") if template and template.is_read else None


def _whose(record: KillRecord) -> str:
    limit, cause = amount(record.limit), record.cause
    if record.enforced_at == "QoS":
        return f"{limit}, the limit of the pod's QoS class (the kubelet's --qos-reserved)."
    if cause == Cause.CONTAINER_LIMIT:
        who = f"container {record.container}" if record.container else "one container"
        equal = " (the pod's limit is the same, and was hit)" * (record.enforced_at == "Pod")
        return f"{limit}, the memory limit of {who}{equal}."
    if cause == Cause.POD_LIMIT:
        return f"{limit}, the memory limit of the pod as a whole."
    if cause == Cause.NUMA_NODES_OUT_OF_MEMORY:
        numa = object_at(record.manifest, "numa")
        nodes = text_at(numa, "nodemask") or text_at(numa, "memsAllowed") or "unknown"
        return f"No limit: the NUMA nodes that the task may use ({nodes}) ran out of memory."
    known = next((text for key, text in _WITHOUT_LIMIT.items() if key == cause), None)
    return known or f"{cause}: this version of kubectl oom does not know that cause."


def _place(facts: KnownFacts, template: PodTemplate, *, of_pod: bool) -> str:
    owner, record = template.owner.reference, facts.record
    if facts.is_static:
        return f"The static pod's file on node {record.node}"
    where = f"{owner.kind} {record.namespace}/{owner.name}"
    if of_pod and memory_at(template.spec, "limits"):
        return f"{where}: {'.'.join(template.path)}.resources.limits.memory"
    return f"{where}: {template.field()}"


def _who_set_it(facts: KnownFacts) -> Sentences:
    inside = text_at(object_at(facts.record.manifest, "container"), "subCgroup")
    if inside and facts.record.limit is not None and facts.record.limit != _in_pod(facts):
        return (f"It may have been set inside the container, for its cgroup {inside}.",)
    found = (_summed(facts), _resized(facts) or _by_default(facts), _changed(facts))
    return tuple(filter(None, found))


def _summed(facts: KnownFacts) -> str:
    """Say that the pod's limit is a sum, unless it has one of its own."""
    of_pod = facts.record.cause == Cause.POD_LIMIT and facts.pod is not None
    if not of_pod or memory_at(object_at(facts.pod, "spec"), "limits"):
        return ""
    return "The pod has none of its own: it is the sum of its containers' limits."


def _in_pod(facts: KnownFacts) -> int | None:
    return memory_at(facts.container.container, "limits") if facts.container else None


def _resized(facts: KnownFacts) -> str:
    """Say who changed the limit of the running pod, according to its managedFields."""
    if facts.container is None:
        return ""
    managed = objects_at(object_at(facts.pod, "metadata"), "managedFields")
    name = str(facts.container.container.get("name"))
    managers = limit_managers(managed, facts.container.section, name)
    if not managers:
        return ""
    ours = _OURS.match(managers[-1])
    policy = " ".join(facts.record.policy) if facts.record.policy else "a policy"
    by = f"{policy} ({_FIELDS[ours[1]]})" if ours else managers[-1]
    return f"{by} changed the pod's limit in place, to {amount(_in_pod(facts))}."


def _by_default(facts: KnownFacts) -> str:
    annotations = object_at(object_at(facts.pod, "metadata"), "annotations")
    container = facts.record.container
    ranger = text_at(annotations, _LIMIT_RANGER) or ""
    if re.search(rf"memory limit for (?:init )?container {re.escape(container or '?')}\b", ranger):
        names = [each for each in facts.limit_ranges if is_object_name(each)]
        which = f" {listed(names)}" if names else ""
        return (
            f"The container asks for none: it is the default of the namespace's LimitRange{which}."
        )
    if _VPA in annotations and "memory limit" in str(annotations[_VPA]):
        return "The Vertical Pod Autoscaler set it when the pod was created."
    return ""


def _changed(facts: KnownFacts) -> str:
    """Say that the template has another limit now."""
    now, limit = template_limit(facts.template), facts.record.limit
    if now is None or limit is None or facts.record.cause != Cause.CONTAINER_LIMIT:
        return ""
    if is_page_rounded(now, limit):
        return ""
    where = "pod" if facts.template and facts.template.is_pod else "template"
    return f"The {where} says {amount(now)} now."
