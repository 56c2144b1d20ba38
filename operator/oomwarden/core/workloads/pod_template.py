"""Where a container's resources are set: the template of the topmost owner that has it."""

from collections.abc import Sequence

from msgspec import Struct

from oomwarden.core.objects.json_parts import Json, object_at
from oomwarden.core.workloads.owner import OwnerObject, controller_of, reference_of_kind
from oomwarden.core.workloads.pod_parts import PlacedContainer, placed_container

_OF_POD = ("spec",)
_TEMPLATE = ("spec", "template", "spec")
_JOB_TEMPLATE = ("spec", "jobTemplate", "spec", "template", "spec")
_PATHS = (_TEMPLATE, _JOB_TEMPLATE)


class PodTemplate(Struct, frozen=True):
    """The place that decides a container's resources.

    Attributes:
        owner: The object to change: a workload, or the Pod itself.
        path: Keys that lead to the pod's spec in it.
        placed: The container there; if the owner could not be read, the one in the Pod.
        spec: The pod's spec there; empty if the owner could not be read.
    """

    owner: OwnerObject
    path: tuple[str, ...]
    placed: PlacedContainer
    spec: Json

    @property
    def is_read(self) -> bool:
        """Whether the owner could be read, so that the index of the container is certain."""
        return self.owner.manifest is not None

    @property
    def is_pod(self) -> bool:
        """Whether the pod has no template: the Pod itself has to change."""
        return self.path == _OF_POD

    def field(self, kind: str = "limits") -> str:
        """Return the path of the container's memory limit or request, for people."""
        return f"{self.container_path}.resources.{kind}.memory"

    @property
    def container_path(self) -> str:
        """The container's path, such as spec.template.spec.containers[app]."""
        name = self.placed.container.get("name")
        return f"{'.'.join(self.path)}.{self.placed.section}[{name}]"


def find_template(
    pod: Json | None,
    owners: Sequence[OwnerObject],
    container: str | None,
    section: str = "containers",
) -> PodTemplate | None:
    """Return the template that decides a container's resources; None if it is not known.

    Args:
        pod: The Pod; None if it no longer exists.
        owners: Its owners, from its controller upwards.
        container: The container's name.
        section: The list that has it, should nothing show it.
    """
    found = placed_container(object_at(pod, "spec"), container)
    assumed = found or PlacedContainer(section, 0, {"name": container})
    for owner in reversed(owners):
        template = _template_of(owner, container, assumed)
        if template is not None:
            return template
    is_alone = pod is not None and controller_of(pod) is None
    return _pod_itself(pod, found) if pod is not None and is_alone and found else None


def _template_of(
    owner: OwnerObject, container: str | None, assumed: PlacedContainer
) -> PodTemplate | None:
    if owner.manifest is None:
        return _unread(owner, container, assumed)
    for path in _PATHS:
        spec: Json = owner.manifest
        for key in path:
            spec = object_at(spec, key)
        if placed := placed_container(spec, container):
            return PodTemplate(owner, path, placed, spec)
    return None


def _unread(
    owner: OwnerObject, container: str | None, placed: PlacedContainer
) -> PodTemplate | None:
    """Return the template of a well-known kind, whose path is known without reading it."""
    if not reference_of_kind(owner.reference.kind, "").api_version or container is None:
        return None
    path = _JOB_TEMPLATE if owner.reference.kind == "CronJob" else _TEMPLATE
    return PodTemplate(owner, path, placed, {})


def _pod_itself(pod: Json, found: PlacedContainer) -> PodTemplate:
    name = str(object_at(pod, "metadata").get("name"))
    owner = OwnerObject(reference_of_kind("Pod", name), "pods", pod)
    return PodTemplate(owner, _OF_POD, found, object_at(pod, "spec"))
