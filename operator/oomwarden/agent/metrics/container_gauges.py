"""The memory of containers, as it is now."""

import time
from collections.abc import Callable, Mapping

from oomwarden.agent.informers.inventory import Container, ContainerName, Inventory
from oomwarden.core.incidents.memory_history import NEAR, STALE_SECONDS
from oomwarden.core.metrics.counter_series import LabelValues
from oomwarden.core.metrics.exposition import Families, Sample
from oomwarden.core.metrics.families.containers import (
    MEMORY_LIMIT,
    MEMORY_USAGE,
    MEMORY_WORKING_SET,
    TIME_TO_LIMIT,
)

Named = Mapping[ContainerName, Container]


def container_gauges(inventory: Inventory, has_metrics: Callable[[LabelValues], bool]) -> Families:
    """Return the gauges of all running containers.

    Args:
        inventory: The containers.
        has_metrics: Returns whether a container, by namespace, pod and name, has series.
    """
    found = {name: each for name, each in inventory.by_name().items() if has_metrics(name)}
    return (
        (MEMORY_USAGE, _each(found, lambda each: each.memory.usage if each.memory else None)),
        (MEMORY_LIMIT, _each(found, lambda each: each.limit)),
        (MEMORY_WORKING_SET, _each(found, _working_set)),
        (TIME_TO_LIMIT, [each for name, one in found.items() for each in _time_left(name, one)]),
    )


def _each(found: Named, read: Callable[[Container], int | None]) -> list[Sample]:
    values = ((name, read(container)) for name, container in found.items())
    return [Sample(name, value) for name, value in values if value is not None]


def _working_set(container: Container) -> int | None:
    """Return it while it is known: details are read only near a limit."""
    memory, limit = container.memory, container.limit
    if memory is None or memory.detail is None or not limit or memory.usage < NEAR * limit:
        return None
    is_fresh = 0 <= time.time() - memory.detail.sample.at < 2 * STALE_SECONDS
    return memory.detail.working_set if is_fresh else None


def _time_left(name: LabelValues, container: Container) -> list[Sample]:
    verdict = container.verdict
    if verdict is None or verdict.seconds_to_limit is None:
        return []
    return [Sample((*name, str(verdict.pattern)), round(verdict.seconds_to_limit))]
