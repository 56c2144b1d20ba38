"""The patch of a step, and what to know before applying it."""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from oomwarden.core.explanation.known_facts import KnownFacts
from oomwarden.core.explanation.story import NextStep
from oomwarden.core.history.kill_record import text_at
from oomwarden.core.objects.json_parts import object_at
from oomwarden.core.workloads.management import manager_of
from oomwarden.core.workloads.patches import (
    Amounts,
    TemplatePatch,
    memory_patch,
    pod_patch,
    volume_patch,
)
from oomwarden.core.workloads.pod_parts import memory_volumes
from oomwarden.core.workloads.pod_template import PodTemplate
from oomwarden.core.workloads.suggested_size import round_up

if TYPE_CHECKING:
    from oomwarden.core.workloads.owner import OwnerObject

_TMPFS_SHARE = 2
"""A volume in memory gets half of the limit, so that the processes keep the rest."""
_ENDED = {"Succeeded", "Failed"}


def container_step(facts: KnownFacts, text: str, memory: Amounts) -> NextStep:
    """Return a step with the patch that sets the container's memory."""
    template = facts.template
    obstacle = _obstacle(facts, template)
    if obstacle or template is None:
        return NextStep(f"{text} {obstacle}")
    return _with_patch(text, memory_patch(template, facts.record.namespace, memory))


def pod_step(facts: KnownFacts, text: str, limit: int) -> NextStep:
    """Return a step with the patch that sets the limit of the pod as a whole."""
    template = facts.template
    patch = pod_patch(template, facts.record.namespace, limit) if template else None
    return with_remarks(facts, _with_patch(text, patch))


def volume_step(facts: KnownFacts, text: str) -> NextStep:
    """Return a step with the patch that bounds a volume in memory, if there is one to bound."""
    template, limit = facts.template, facts.record.limit
    volumes = memory_volumes(template.spec) if template else []
    unbounded = [v for v in volumes if "sizeLimit" not in object_at(v, "emptyDir")]
    if template is None or not limit or not (unbounded or volumes):
        return NextStep(text)
    name = text_at((unbounded or volumes)[0], "name") or ""
    size = round_up(limit // _TMPFS_SHARE)
    patch = volume_patch(template, facts.record.namespace, name, size)
    if patch is None:
        again = "A pod's volumes cannot change: create it again." if template.is_pod else ""
        return NextStep(f"{text} {again}".rstrip())
    return with_remarks(facts, _with_patch(text, patch))


def _with_patch(text: str, patch: TemplatePatch | None) -> NextStep:
    if patch is None:
        return NextStep(f"{text} There is no ready command: a name or the kind does not allow one.")
    details = {"resource": patch.resource, "name": patch.name, "type": patch.type}
    if patch.subresource:
        details["subresource"] = patch.subresource
    return NextStep(text, patch.command, {**details, "patch": patch.patch})


def _obstacle(facts: KnownFacts, template: PodTemplate | None) -> str:
    """Return why there is no patch, and what to do instead; empty if there is one."""
    if facts.is_static:
        return "It is a static pod: change its file on the node."
    if template is None:
        return _unknown_place(facts)
    if template.is_pod and text_at(object_at(facts.pod, "status"), "phase") in _ENDED:
        return "The pod has ended and nothing owns it: create it again with another limit."
    if template.placed.section == "ephemeralContainers":
        return "Ephemeral containers have no limits of their own."
    is_init = template.placed.section == "initContainers"
    if template.is_pod and is_init and template.placed.container.get("restartPolicy") != "Always":
        return "Limits of init containers cannot change in place: create the pod again."
    return ""


def _unknown_place(facts: KnownFacts) -> str:
    with_templates = [each for each in facts.owners if object_at(each.manifest, "spec")]
    if with_templates and facts.container:
        top = with_templates[-1].reference
        return (
            f"{top.kind} {top.name} does not have the container: something adds it to the pod, as "
            "service meshes do; set its memory there."
        )
    if facts.owners:
        top = facts.owners[-1].reference
        return f"{top.kind} {top.name} creates the pod: set its memory where that defines its pods."
    if facts.record.owner:
        return f"{' '.join(facts.record.owner)} created the pod: set the limit there."
    return "The pod is gone and had no owner: set the limit where it comes from."


def with_remarks(facts: KnownFacts, step: NextStep) -> NextStep:
    """Add what to know before applying a patch."""
    template = facts.template
    if step.command is None or template is None:
        return step
    found = (_about_kind(template), _above(facts, template), _reverted(template))
    return replace(step, text=" ".join([step.text, *filter(None, found)]))


def _about_kind(template: PodTemplate) -> str:
    kind, manifest = template.owner.reference.kind, template.owner.manifest
    strategy = object_at(object_at(manifest, "spec"), "updateStrategy")
    if kind == "Job":
        return "A Job's template is immutable: this deletes the Job and creates it again."
    if kind == "CronJob":
        return "It takes effect at the next run."
    if kind in {"ReplicaSet", "ReplicationController"} or strategy.get("type") == "OnDelete":
        return "Then delete its pods: only new ones get it."
    if template.is_pod:
        return "It takes effect in place."
    if not template.is_read and not template.owner.is_built_in:
        return "The owner could not be read: the patch fails if the index is wrong."
    return ""


def _above(facts: KnownFacts, template: PodTemplate) -> str:
    """Name the owner of the owner that has the template, which may revert the change."""
    owners = list(facts.owners)
    if template.owner not in owners:
        return ""
    above: list[OwnerObject] = owners[owners.index(template.owner) + 1 :]
    if not above:
        return ""
    top = above[-1].reference
    return f"{top.kind} {top.name} manages the {template.owner.reference.kind} and may revert it."


def _reverted(template: PodTemplate) -> str:
    found = manager_of(template.owner.manifest)
    if found is None:
        return ""
    who, where = found
    return f"{who[:1].upper()}{who[1:]} reverts this unless {where} too."
