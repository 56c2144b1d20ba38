"""The parts of a Pod that are read, and the shapes that they must have.

The API server ensures most of it, but not all: an amount may be written in a form that is not known
here, a word may come from a newer version, and the text of owners is not limited (kubernetes
apimachinery pkg/api/validation/objectmeta.go, validateOwnerReference, v1.37).
"""

from typing import Any

from oomwarden.api.policy import QOSClass
from oomwarden.core.objects.shapes import (
    ABSENT,
    Shape,
    any_value,
    free_text,
    integer,
    list_of,
    map_of,
    memory_amount,
    object_with,
    one_of,
    required,
    text,
    timestamp,
    validated,
)

_NAME = 253
_MAX_WORDS = 1024


def _amounts(value: Any, path: str, problems: list[str]) -> Any:  # noqa: ANN401 - a shape
    """Accept amounts of resources; only memory is parsed, the others are compared.

    An amount of null counts as present, and 0 (quantity.go, UnmarshalJSON).
    """
    found = map_of(any_value)(value, path, problems)
    if found is ABSENT or "memory" not in found:
        return found
    found = {key: "0" if each is None else each for key, each in found.items()}
    if memory_amount(found["memory"], f"{path}.memory", problems) is ABSENT:
        return {key: each for key, each in found.items() if key != "memory"}
    return found


_RESOURCES = object_with(limits=_amounts, requests=_amounts)
_CONTAINER = required(
    object_with(
        name=text,
        restartPolicy=text,
        resources=_RESOURCES,
        resizePolicy=list_of(object_with(resourceName=text, restartPolicy=text)),
    ),
    "name",
)
_VOLUME = required(object_with(name=free_text(_NAME), emptyDir=object_with(medium=text)), "name")
_ENDED = object_with(
    containerID=text, finishedAt=timestamp, reason=free_text(_NAME), exitCode=integer
)
_STATE = object_with(running=map_of(any_value), waiting=map_of(any_value), terminated=_ENDED)
_STATUS = required(
    object_with(
        name=text,
        containerID=text,
        state=_STATE,
        lastState=_STATE,
        resources=_RESOURCES,
        allocatedResources=_amounts,
    ),
    "name",
)
_CONDITION = object_with(
    type=text, status=text, reason=free_text(_NAME), message=free_text(_MAX_WORDS)
)
_OWNER = object_with(
    apiVersion=free_text(_NAME), kind=free_text(_NAME), name=free_text(_NAME), controller=any_value
)
_WRITER = object_with(
    manager=free_text(_NAME), operation=text, subresource=text, time=timestamp, fieldsV1=any_value
)
POD_STATUS: Shape = object_with(
    phase=text,
    qosClass=one_of(*QOSClass),
    startTime=any_value,
    conditions=list_of(_CONDITION),
    resources=_RESOURCES,
    allocatedResources=_amounts,
    containerStatuses=list_of(_STATUS),
    initContainerStatuses=list_of(_STATUS),
    ephemeralContainerStatuses=list_of(_STATUS),
)
POD: Shape = required(
    object_with(
        metadata=required(
            object_with(
                name=text,
                namespace=text,
                uid=text,
                labels=map_of(text),
                annotations=map_of(text),
                ownerReferences=list_of(_OWNER),
                managedFields=list_of(_WRITER),
                creationTimestamp=timestamp,
                deletionTimestamp=any_value,
                resourceVersion=text,
                generation=integer,
            ),
            "name",
            "namespace",
            "uid",
        ),
        spec=object_with(
            nodeName=text,
            priorityClassName=text,
            resources=_RESOURCES,
            overhead=_amounts,
            volumes=list_of(_VOLUME),
            containers=list_of(_CONTAINER),
            initContainers=list_of(_CONTAINER),
            ephemeralContainers=list_of(_CONTAINER),
        ),
        status=POD_STATUS,
        cut=text,
    ),
    "metadata",
)


def shaped_pod(manifest: object) -> tuple[dict[str, Any], str]:
    """Return the readable parts of a Pod, and a description of the others.

    Raises:
        ValueError: It cannot be identified: its name, namespace or UID is missing.
    """
    found, problems = validated(manifest, POD)
    if found is ABSENT:
        raise ValueError(problems)
    return found, problems
