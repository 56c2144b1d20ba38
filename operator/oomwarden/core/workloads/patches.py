"""Ready commands that change a container's resources, valid for the kind of the owner."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from oomwarden.core.model.quantity import format_bytes
from oomwarden.core.objects.json_parts import Json, object_at
from oomwarden.core.objects.object_names import is_object_name
from oomwarden.core.workloads.pod_template import PodTemplate

_SET_RESOURCES = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "CronJob"}
"""Kinds that `kubectl set resources` changes (kubectl pkg/polymorphichelpers, v1.33)."""
_JOB_UID = ("controller-uid", "batch.kubernetes.io/controller-uid")
_ORDER = ("limits", "requests")


class TemplatePatch(Struct, frozen=True):
    """A change of an object.

    Attributes:
        command: What to paste into a shell.
        resource: The object's resource, such as deployments.
        name: The object's name.
        type: strategic or json, as kubectl calls the types of patches.
        patch: The patch.
        subresource: Such as resize; empty for the object itself.
    """

    command: str
    resource: str
    name: str
    type: str
    patch: Any
    subresource: str = ""


Amounts = Mapping[str, int]
"""Bytes of memory by limits and requests."""


def memory_patch(template: PodTemplate, namespace: str, memory: Amounts) -> TemplatePatch | None:
    """Return the patch that sets a container's memory; None if a name is unsafe in a shell."""
    if not _is_safe(template, namespace):
        return None
    if template.owner.reference.kind == "Job" and template.owner.is_built_in:
        return _recreated_job(template, namespace, memory)
    if not template.owner.is_built_in:
        return _json_patch(template, namespace, _memory_operations(template, memory))
    quantities = {"resources": {kind: {"memory": format_bytes(memory[kind])} for kind in memory}}
    change = {"name": template.placed.container["name"], **quantities}
    found = _strategic(template, namespace, {template.placed.section: [change]})
    simple = template.placed.section == "containers"
    if simple and template.owner.reference.kind in _SET_RESOURCES:
        return TemplatePatch(_set_resources(template, namespace, memory), *_parts(found))
    return found


def volume_patch(
    template: PodTemplate, namespace: str, volume: str, size: int
) -> TemplatePatch | None:
    """Return the patch that sets the sizeLimit of an emptyDir of a template.

    Returns:
        None if the object has to be created again, or a name is unsafe in a shell.
    """
    if not (_has_strategic_template(template, namespace) and is_object_name(volume)):
        return None
    change = {"name": volume, "emptyDir": {"sizeLimit": format_bytes(size)}}
    return _strategic(template, namespace, {"volumes": [change]})


def pod_patch(template: PodTemplate, namespace: str, limit: int) -> TemplatePatch | None:
    """Return the patch that sets the memory limit of the pod as a whole (KEP-2837).

    Returns:
        None if the object has to be created again, or a name is unsafe in a shell.
    """
    if not _has_strategic_template(template, namespace):
        return None
    limits = {"limits": {"memory": format_bytes(limit)}}
    return _strategic(template, namespace, {"resources": limits})


def _has_strategic_template(template: PodTemplate, namespace: str) -> bool:
    mutable = template.owner.reference.kind != "Job" and not template.is_pod
    return template.owner.is_built_in and mutable and _is_safe(template, namespace)


def _is_safe(template: PodTemplate, namespace: str) -> bool:
    owner, container = template.owner, template.placed.container.get("name")
    names = (owner.reference.name, owner.resource, container, namespace)
    return all(is_object_name(each) for each in names if isinstance(each, str)) and bool(container)


def _parts(patch: TemplatePatch) -> tuple[str, str, str, Any, str]:
    return patch.resource, patch.name, patch.type, patch.patch, patch.subresource


def _set_resources(template: PodTemplate, namespace: str, memory: Amounts) -> str:
    amounts = [f"--{each}=memory={format_bytes(memory[each])}" for each in _ORDER if each in memory]
    name, container = template.owner.reference.name, template.placed.container["name"]
    kind = template.owner.reference.kind.lower()
    words = ["kubectl", "-n", namespace, "set", "resources", kind, name, "-c", container, *amounts]
    return " ".join(words)


def _strategic(template: PodTemplate, namespace: str, spec: Json) -> TemplatePatch:
    patch: Any = spec
    for key in reversed(template.path):
        patch = {key: patch}
    subresource = "resize" if template.is_pod else ""
    return _command(template, namespace, "strategic", patch, subresource)


def _json_patch(template: PodTemplate, namespace: str, operations: Sequence[Json]) -> TemplatePatch:
    return _command(template, namespace, "json", list(operations))


def _command(
    template: PodTemplate, namespace: str, kind: str, patch: object, subresource: str = ""
) -> TemplatePatch:
    name, owner = template.owner.reference.name, template.owner
    resource = owner.resource or owner.reference.kind.lower()
    shown = owner.reference.kind.lower() if owner.is_built_in else resource
    where = f" --subresource {subresource}" if subresource else ""
    text = json.dumps(patch, separators=(",", ":"))
    command = f"kubectl -n {namespace} patch {shown} {name}{where} --type {kind} -p '{text}'"
    return TemplatePatch(command, resource, name, kind, patch, subresource)


def _memory_operations(template: PodTemplate, memory: Amounts) -> list[Json]:
    """Return the JSON patch; it fails unless the container still is where it was read."""
    placed = template.placed
    at = "/" + "/".join([*template.path, placed.section, str(placed.index)])
    operations: list[Json] = [
        {"op": "test", "path": f"{at}/name", "value": placed.container["name"]}
    ]
    resources: Any = dict(object_at(placed.container, "resources"))
    if not resources:
        amounts = {kind: {"memory": format_bytes(size)} for kind, size in memory.items()}
        return [*operations, {"op": "add", "path": f"{at}/resources", "value": amounts}]
    for kind, size in memory.items():
        path, value = f"{at}/resources/{kind}", format_bytes(size)
        if object_at(resources, kind):
            operations.append({"op": "add", "path": f"{path}/memory", "value": value})
        else:
            operations.append({"op": "add", "path": path, "value": {"memory": value}})
    return operations


def _recreated_job(template: PodTemplate, namespace: str, memory: Amounts) -> TemplatePatch | None:
    """Return how to create a Job again, since its template is immutable.

    The selector and the labels of the controller have to go, so that the API server generates new
    ones (kubernetes pkg/registry/batch/job/strategy.go, generateSelector, v1.37).
    """
    job = template.owner.manifest
    if job is None:
        return None
    spec = object_at(job, "spec")
    removed = [] if spec.get("manualSelector") is True else _generated(spec)
    operations = [*removed, *_memory_operations(template, memory)]
    name, text = template.owner.reference.name, json.dumps(operations, separators=(",", ":"))
    command = (
        f"kubectl -n {namespace} get job {name} -o json | kubectl patch --local -f - --type json "
        f"-o json -p '{text}' | kubectl -n {namespace} replace --force -f -"
    )
    return TemplatePatch(command, "jobs", name, "json", operations)


def _generated(spec: Json) -> list[Json]:
    labels = object_at(object_at(object_at(spec, "template"), "metadata"), "labels")
    paths = [
        f"/spec/template/metadata/labels/{each.replace('/', '~1')}"
        for each in _JOB_UID
        if each in labels
    ]
    selector = ["/spec/selector"] if spec.get("selector") else []
    return [{"op": "remove", "path": path} for path in [*selector, *paths]]
