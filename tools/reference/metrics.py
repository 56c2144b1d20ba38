"""Every metric, from the families that agent and operator serve."""

import re
from collections.abc import Sequence

from oomwarden.agent.metrics.container_counters import MAX_SERIES
from oomwarden.agent.metrics.policy_metrics import MAX_POLICIES
from oomwarden.core.metrics.counter_series import ZERO_SECONDS
from oomwarden.core.metrics.families.containers import CONTAINER_FAMILIES, LEFT_OUT_CONTAINERS
from oomwarden.core.metrics.families.nodes import (
    DETECTION_FAMILIES,
    ENFORCEMENT_FAMILIES,
    LEDGER_FAMILIES,
)
from oomwarden.core.metrics.families.operator import OPERATOR_FAMILIES
from oomwarden.core.metrics.families.process import PROCESS_FAMILIES
from oomwarden.core.metrics.family import Family, Lifetime
from oomwarden.core.metrics.live_names import MAX_NAMES
from oomwarden.core.metrics.response_counts import MAX_NAMESPACES, MAX_REASONS

from tools.reference.markdown import code, codes, page, prose, section, table

SECTIONS: tuple[tuple[str, str, Sequence[Family]], ...] = (
    (
        "Containers",
        (
            "Agents serve these. Series follow the names of containers, so a container that "
            "restarts a thousand times has the series of one."
        ),
        CONTAINER_FAMILIES,
    ),
    ("Kills and records of a node", "Agents serve these.", LEDGER_FAMILIES),
    ("Enforcement", "Agents serve these.", ENFORCEMENT_FAMILIES),
    ("Detection", "Agents serve these.", DETECTION_FAMILIES),
    ("Cluster", "The operator serves these.", OPERATOR_FAMILIES),
    ("The process itself", "Agents and operator serve these.", PROCESS_FAMILIES),
)
_UNITS = {"seconds": "seconds", "bytes": "bytes"}
_INTRO = (
    (
        "`/metrics` of each agent is on `agent.port` of its pod, and that of the "
        "operator on `operator.port`. The values are computed at most once a second, "
        "however many clients scrape. Names and units follow [Prometheus' "
        "conventions](https://prometheus.io/docs/practices/naming/)."
    ),
    (
        "A series begins and ends as its section says. One that begins with an event shows 0 for "
        f"{ZERO_SECONDS:.0f} seconds first, so that `increase()` misses no event if it is scraped "
        "once a minute or more often. Metrics without labels have one series for each agent or "
        "operator."
    ),
    (
        "Where `namespace`, `pod` and `container` are labels, they are those of the "
        "container that the series is about. Prometheus Operator attaches labels of "
        "these names to each target, too: keep those of the series with `honorLabels: "
        "true`."
    ),
)

_BOUNDS = (
    (
        f"An agent has metrics of {MAX_NAMES} container names at most, four times as many as a "
        f"full node of 110 pods has, and {MAX_SERIES} series of each counter of containers. "
        f"{code(LEFT_OUT_CONTAINERS.name)} says how many names it left out. A container that "
        "restarts, or a pod of a StatefulSet that is created again, continues its series."
    ),
    (
        f"An agent has series of {MAX_POLICIES} policies, those that come first in its OOMNode. "
        f"The operator counts responses of {MAX_NAMESPACES} namespaces, {MAX_REASONS} reasons "
        "of each; those of further namespaces have an empty `namespace`."
    ),
)


def metrics_page() -> str:
    """Return the page of all metrics."""
    return page(
        "Metrics",
        "operator/oomwarden/core/metrics/families",
        *_INTRO,
        section("How many series", *_BOUNDS),
        *(_section(*each) for each in SECTIONS),
    )


def unit(family: Family) -> str:
    """Return the unit that the name of a metric ends in; what it counts is in its meaning."""
    found = re.search(r"_(seconds|bytes)(_total)?$", family.name)
    if found:
        return found[1]
    return "1" if family.help.startswith("1") or "1 if" in family.help else "count"


def _section(title: str, text: str, families: Sequence[Family]) -> str:
    rows = [
        (code(each.name), str(each.type), codes(each.labels), unit(each), _meaning(each))
        for each in families
    ]
    lives = {each.lifetime for each in families}
    return section(
        title,
        f"{text} {_lives(families) if len(lives) > 1 else _all_live(families[0])}",
        table(("metric", "type", "labels", "unit", "meaning"), rows),
    )


def _meaning(family: Family) -> str:
    text = prose(family.help) + "."
    if family.buckets:
        text += f" Buckets: {', '.join(map(str, family.buckets))}."
    return text


def _all_live(family: Family) -> str:
    return f"A series exists {family.lifetime}."


def _lives(families: Sequence[Family]) -> str:
    lines = []
    for life in Lifetime:
        names = [code(each.name) for each in families if each.lifetime is life]
        if names:
            lines.append(f"- {life}: {', '.join(names)}")
    return "A series exists\n\n" + "\n".join(lines)
