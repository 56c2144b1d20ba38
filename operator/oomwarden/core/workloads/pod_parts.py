"""Parts of a Pod, or of a pod template, by the name of a container."""

from collections.abc import Iterator

from msgspec import Struct

from oomwarden.core.model.quantity import parse_bytes
from oomwarden.core.objects.json_parts import Json, object_at, objects_at

CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")
_STATUS_LISTS = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")


class PlacedContainer(Struct, frozen=True):
    """A container of a pod's spec.

    Attributes:
        section: The list that has it, such as initContainers.
        index: Its index in that list.
    """

    section: str
    index: int
    container: Json


def placed_container(spec: Json, name: str | None) -> PlacedContainer | None:
    """Return where a spec has a container; None if it has none of this name."""
    for section in CONTAINER_LISTS:
        for index, each in enumerate(objects_at(spec, section)):
            if name is not None and each.get("name") == name:
                return PlacedContainer(section, index, each)
    return None


def statuses(pod: Json | None) -> Iterator[Json]:
    """Yield the statuses of a pod's containers."""
    for section in _STATUS_LISTS:
        yield from objects_at(object_at(pod, "status"), section)


def memory_at(part: Json, kind: str) -> int | None:
    """Return an amount of memory in a container's resources, in bytes; None if it has none.

    Args:
        part: A container, its status, or a pod's spec.
        kind: limits or requests.
    """
    amount = object_at(object_at(part, "resources"), kind).get("memory")
    try:
        size = parse_bytes(str(amount).strip()) if isinstance(amount, str | int) else 0
    except ValueError:
        return None
    return size if size > 0 else None


def memory_volumes(spec: Json) -> list[Json]:
    """Return the volumes of a spec that are in memory: emptyDirs with medium Memory."""
    volumes = objects_at(spec, "volumes")
    return [each for each in volumes if object_at(each, "emptyDir").get("medium") == "Memory"]
