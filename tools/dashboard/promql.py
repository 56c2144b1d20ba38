"""Parts of queries: what is chosen at the head of the dashboard, and how counters are counted.

`increase` extrapolates to the ends of its range, so that one event may be 1.02: results are
rounded. `$__rate_interval` is a scrape longer than the step of a chart, so that no event falls
between two windows.
"""

from oomwarden.core.metrics.families.containers import OOM_KILLS
from oomwarden.core.metrics.families.process import BUILD_INFO
from oomwarden.core.metrics.family import Family

CONTAINER = "cluster, namespace, pod, container"
AGENT = "cluster, instance"
"""With the chart's monitors an agent's `instance` is its node, else its address. `cluster` is empty
unless one Prometheus, Thanos or Mimir has the series of several clusters."""
STEP, RANGE = "$__rate_interval", "$__range"
CLUSTER = 'cluster=~"$cluster"'
_NODE = f'{CLUSTER}, node=~"$node"'
"""All are `.*`, which series without this label match too."""


FIRING = f'ALERTS{{alertname=~"OOMWarden.+", alertstate="firing", {CLUSTER}}}'


def on_nodes(family: Family, *conditions: str) -> str:
    """Return the series of a family on the chosen nodes."""
    return f"{family.name}{{{', '.join((*conditions, _NODE))}}}"


def of_policies(family: Family, *conditions: str) -> str:
    """Return the series of a family for policies of the cluster and of the chosen namespaces."""
    return on_nodes(family, 'policy_namespace=~"($namespace)?"', *conditions)


def in_namespaces(family: Family) -> str:
    """Return the series of a family in the chosen namespaces, on the chosen nodes."""
    return on_nodes(family, 'namespace=~"$namespace"')


KILLS = on_nodes(OOM_KILLS, 'namespace=~"$namespace"', 'owner_name=~"$workload"')
"""The OOM kills of what is chosen. Each container with metrics has this series, so that it also
shows which workload a container belongs to."""


def of_operator(family: Family, *conditions: str) -> str:
    """Return the series of a family that the operator serves."""
    return f"{family.name}{{{', '.join((*conditions, CLUSTER))}}}"


def of_workloads(expression: str) -> str:
    """Return those values of an expression about containers that belong to chosen workloads."""
    return f"{expression} and on ({CONTAINER}) {KILLS}"


def each_container(family: Family) -> str:
    """Return one value of a family for each chosen container, with all labels of the family."""
    labels = ", ".join(("cluster", *family.labels))
    return f"max by ({labels}) ({of_workloads(in_namespaces(family))})"


def rise(family: Family, window: str) -> str:
    """Return by how much the counters of what is chosen rose."""
    if "owner_name" in family.labels:
        return f"increase({KILLS}[{window}])"
    return of_workloads(f"increase({in_namespaces(family)}[{window}])")


def count(rises: str, by: str = "") -> str:
    """Return the sum of what counters rose by, as whole numbers."""
    return f"round(sum{f' by ({by})' if by else ''} ({rises}))"


def with_owner(expression: str) -> str:
    """Add the labels of the owner to an expression with one value for each container.

    A container has two owners for a moment, when another pod has taken the name of its pod.
    """
    owners = f"topk by ({CONTAINER}) (1, max by ({CONTAINER}, owner_kind, owner_name) ({KILLS}))"
    return f"{expression} * on ({CONTAINER}) group_left (owner_kind, owner_name) ({owners} * 0 + 1)"


def of_programs(expression: str) -> str:
    """Return those values of a metric that every program has which are of oomwarden's own."""
    build = f"on (cluster, job, instance) group_left (component, version) {BUILD_INFO.name}"
    return f"max by ({AGENT}, component, version) ({expression} * {build})"
