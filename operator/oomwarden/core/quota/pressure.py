"""The pressure on the API server by OOMKills, which the operator publishes for the agents.

It is one small object, and agents do not trust it: whatever it says, a node writes no more than
core.quota.budget allows at the level CALM.
"""

import json
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from msgspec import Struct, field

NAME = "oomwarden-pressure"
"""The ConfigMap's name, in the release's namespace."""
KEY = "pressure.json"
CONDITIONS = "conditions.json"
"""The operator's own conditions, for people; agents do not read them."""
MAX_NAMESPACES = 300
"""At most this many are named; with names of 63 characters, each agent reads less than 25 KiB."""
DEFAULT_NODES = 2000
"""How many nodes an agent assumes if it does not know their number."""
_MAX_NODES = 100_000
YOUNG_SECONDS = 3_600.0
"""A record this young is kept, however many there are: its agent may not know yet that it was
stored, and checks that when it posts it again."""
YOUNG_IN_NEED_SECONDS = 600.0
"""The same while there are more than twice as many records as allowed. Agents that respect the
limits never write that many: another program did, or the limit was lowered."""


class PressureLevel(IntEnum):
    """How hard records are merged; each level is one step harder."""

    CALM = 0
    SOME = 1
    HIGH = 2
    FULL = 3


class Pressure(Struct, frozen=True):
    """The current pressure.

    Attributes:
        cluster: Level of all records together.
        namespaces: Level of each namespace that is over its limit.
        others: Level of namespaces that are not named because there are too many.
        nodes: Number of nodes with an agent.
        kept_seconds: Retention deletes no record that is younger.
        has_operator: Whether an operator runs; if not, records are neither counted nor deleted.
    """

    cluster: PressureLevel = PressureLevel.CALM
    namespaces: Mapping[str, PressureLevel] = field(default_factory=dict)
    others: PressureLevel = PressureLevel.CALM
    nodes: int = 1
    kept_seconds: float = YOUNG_SECONDS
    has_operator: bool = True

    def level_of(self, namespace: str) -> PressureLevel:
        """Return the level for a namespace's records."""
        return max(self.cluster, self.namespaces.get(namespace, self.others))


CALM = Pressure()
NO_OPERATOR = Pressure(nodes=DEFAULT_NODES, has_operator=False)


def to_config_map(pressure: Pressure) -> dict[str, str]:
    """Return the ConfigMap's data; if there are too many namespaces, the worst are named."""
    ranked = sorted(pressure.namespaces.items(), key=lambda item: (-item[1], item[0]))
    named, left = ranked[:MAX_NAMESPACES], ranked[MAX_NAMESPACES:]
    others = max((level for _, level in left), default=pressure.others)
    content = {
        "cluster": int(pressure.cluster),
        "namespaces": {name: int(level) for name, level in named if level},
        "others": int(others),
        "nodes": pressure.nodes,
        "keptSeconds": int(pressure.kept_seconds),
    }
    return {KEY: json.dumps(content)}


def conditions(passed_over: str) -> dict[str, str]:
    """Return the operator's condition `ObjectsUnderstood` as data of the ConfigMap.

    Args:
        passed_over: Which objects it skips, and what to do; empty: none.
    """
    condition = {
        "type": "ObjectsUnderstood",
        "status": "False" if passed_over else "True",
        "reason": "NotWhollyRead" if passed_over else "AllRead",
        "message": passed_over,
    }
    return {CONDITIONS: json.dumps([condition])}


def from_config_map(data: object) -> Pressure | None:
    """Parse the ConfigMap's data, which any program may have written; None if it is unreadable."""
    text = data.get(KEY) if isinstance(data, Mapping) else None
    try:
        content = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or "cluster" not in content:
        return None
    named = content.get("namespaces")
    levels = list(named.items())[:MAX_NAMESPACES] if isinstance(named, dict) else []
    return Pressure(
        cluster=_level(content["cluster"]),
        namespaces={name: _level(level) for name, level in levels},
        others=_level(content.get("others")),
        nodes=_number(content.get("nodes"), DEFAULT_NODES, 1, _MAX_NODES),
        kept_seconds=_number(
            content.get("keptSeconds"),
            int(YOUNG_SECONDS),
            int(YOUNG_IN_NEED_SECONDS),
            int(YOUNG_SECONDS),
        ),
    )


def _level(value: Any) -> PressureLevel:  # noqa: ANN401 - any JSON value
    return PressureLevel(_number(value, PressureLevel.CALM, PressureLevel.CALM, PressureLevel.FULL))


def _number(value: Any, default: int, least: int, most: int) -> int:  # noqa: ANN401 - JSON
    if isinstance(value, bool) or not isinstance(value, int):
        return default
    return min(max(value, least), most)
