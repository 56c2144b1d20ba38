"""What a metric is called, what it means, and when its series begin and end."""

from enum import StrEnum
from typing import NamedTuple


class MetricType(StrEnum):
    """The types of the text format that oomwarden uses."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Lifetime(StrEnum):
    """When a series begins and ends, as the documentation says it."""

    PROCESS = "as long as the process runs"
    CONTAINER = (
        "from when the container's name is known until ten minutes after no container of this "
        "name is left"
    )
    FIRST_EVENT = (
        "from the first event, at 0 for a minute, until ten minutes after no container of this "
        "name is left"
    )
    NAMESPACE = (
        "from the first response of its kind in the namespace, at 0 for a minute, as long as the "
        "operator runs; with more than 200 namespaces, until the namespace had none for an hour"
    )
    POLICY = "while the policy selects a container of the node"
    STATE = "while the state lasts"


class Family(NamedTuple):
    """A metric family.

    Attributes:
        name: The full name. That of a counter ends in `_total`, that of a gauge or histogram in
            its unit (prometheus.io/docs/practices/naming).
        type: Its type.
        help: One sentence, without a full stop.
        labels: Names of its labels, in the order of their values.
        lifetime: When a series begins and ends.
        buckets: Only of a histogram: the upper bounds, in the metric's unit, without +Inf.
    """

    name: str
    type: MetricType
    help: str
    labels: tuple[str, ...] = ()
    lifetime: Lifetime = Lifetime.PROCESS
    buckets: tuple[float, ...] = ()


def counter(
    name: str, text: str, labels: tuple[str, ...] = (), lifetime: Lifetime = Lifetime.PROCESS
) -> Family:
    """Return the family of a counter of oomwarden; `name` is without prefix and suffix."""
    return Family(f"oomwarden_{name}_total", MetricType.COUNTER, text, labels, lifetime)


def gauge(
    name: str, text: str, labels: tuple[str, ...] = (), lifetime: Lifetime = Lifetime.PROCESS
) -> Family:
    """Return the family of a gauge of oomwarden; `name` is without prefix."""
    return Family(f"oomwarden_{name}", MetricType.GAUGE, text, labels, lifetime)
