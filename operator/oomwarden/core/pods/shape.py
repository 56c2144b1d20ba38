"""The parts of a Pod that are read, and the shapes that they must have.

The API server sees to most of it. Not to all: an amount may be spelled in ways that are not known
here, a word may be of a newer version, and the text of owners is bounded nowhere
(kubernetes apimachinery pkg/api/validation/objectmeta.go, validateOwnerReference, v1.37).
"""

from typing import Any

from oomwarden.api.policy import QOSClass
from oomwarden.core.objects.shapes import (
    ABSENT,
    Shape,
    amount,
    free_text,
    mapping,
    moment,
    needs,
    one_of,
    record,
    several,
    shaped,
    text,
    whatever,
    whole,
)

_NAME = 253
_MOST_WORDS = 1024


def _amounts(value: Any, path: str, odd: list[str]) -> Any:  # noqa: ANN401 - a shape
    """Take amounts of resources; only memory is read, the others are compared.

    An amount that is null is there, and 0 (quantity.go, UnmarshalJSON).
    """
    found = mapping(whatever)(value, path, odd)
    if found is ABSENT or "memory" not in found:
        return found
    found = {key: "0" if each is None else each for key, each in found.items()}
    if amount(found["memory"], f"{path}.memory", odd) is ABSENT:
        return {key: each for key, each in found.items() if key != "memory"}
    return found


_RESOURCES = record(limits=_amounts, requests=_amounts)
_CONTAINER = needs(
    record(
        name=text,
        restartPolicy=text,
        resources=_RESOURCES,
        resizePolicy=several(record(resourceName=text, restartPolicy=text)),
    ),
    "name",
)
_VOLUME = needs(record(name=free_text(_NAME), emptyDir=record(medium=text)), "name")
_ENDED = record(containerID=text, finishedAt=moment, reason=free_text(_NAME), exitCode=whole)
_STATE = record(running=mapping(whatever), waiting=mapping(whatever), terminated=_ENDED)
_STATUS = needs(
    record(
        name=text,
        containerID=text,
        state=_STATE,
        lastState=_STATE,
        resources=_RESOURCES,
        allocatedResources=_amounts,
    ),
    "name",
)
_CONDITION = record(type=text, status=text, reason=free_text(_NAME), message=free_text(_MOST_WORDS))
_OWNER = record(
    apiVersion=free_text(_NAME), kind=free_text(_NAME), name=free_text(_NAME), controller=whatever
)
_WRITER = record(
    manager=free_text(_NAME), operation=text, subresource=text, time=moment, fieldsV1=whatever
)
POD_STATUS: Shape = record(
    phase=text,
    qosClass=one_of(*QOSClass),
    startTime=whatever,
    conditions=several(_CONDITION),
    resources=_RESOURCES,
    allocatedResources=_amounts,
    containerStatuses=several(_STATUS),
    initContainerStatuses=several(_STATUS),
    ephemeralContainerStatuses=several(_STATUS),
)
POD: Shape = needs(
    record(
        metadata=needs(
            record(
                name=text,
                namespace=text,
                uid=text,
                labels=mapping(text),
                annotations=mapping(text),
                ownerReferences=several(_OWNER),
                managedFields=several(_WRITER),
                creationTimestamp=moment,
                deletionTimestamp=whatever,
                resourceVersion=text,
                generation=whole,
            ),
            "name",
            "namespace",
            "uid",
        ),
        spec=record(
            nodeName=text,
            priorityClassName=text,
            resources=_RESOURCES,
            overhead=_amounts,
            volumes=several(_VOLUME),
            containers=several(_CONTAINER),
            initContainers=several(_CONTAINER),
            ephemeralContainers=several(_CONTAINER),
        ),
        status=POD_STATUS,
        cut=text,
    ),
    "metadata",
)


def pod_shaped(manifest: object) -> tuple[dict[str, Any], str]:
    """Give what of a Pod can be read, and what cannot, in words.

    Raises:
        ValueError: it cannot be told from others: its name, namespace or UID is missing.
    """
    found, odd = shaped(manifest, POD)
    if found is ABSENT:
        raise ValueError(odd)
    return found, odd
