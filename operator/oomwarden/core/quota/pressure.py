"""How full the API server is of OOMKills, as the operator publishes it and agents read it.

It is one small object, and agents distrust it: whatever it says, a node writes no more than
core.budget allows at the level CALM.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

NAME = "oomwarden-pressure"
"""The ConfigMap's name, in the release's namespace."""
KEY = "pressure.json"
CONDITIONS = "conditions.json"
"""The operator's own conditions, for people; agents do not read them."""
MOST_NAMESPACES = 300
"""Named in it; at 63 characters a name it stays below 25 KiB, which each agent reads."""
DEFAULT_NODES = 2000
"""How large a fleet an agent assumes that has not heard its size."""
_MOST_NODES = 100_000
YOUNG_SECONDS = 3_600.0
"""A record this young stays whatever the numbers: its agent may not know yet that it was stored,
and looks for it when it posts it again."""
YOUNG_IN_NEED_SECONDS = 600.0
"""The same while there are twice as many records as there may be: what agents keep to never gets
that far, so somebody else writes them, or the bound was lowered."""


class PressureLevel(IntEnum):
    """How hard records are merged; each level is one step harder."""

    CALM = 0
    SOME = 1
    HIGH = 2
    FULL = 3


@dataclass(frozen=True, slots=True)
class Pressure:
    """What holds now. Without an operator (`attended` False) nobody counts and nobody deletes.

    `others` is the level of namespaces over their bound that are not named: there are too many.
    `nodes` have an agent. `kept_seconds`: retention deletes no record that is younger.
    """

    cluster: PressureLevel = PressureLevel.CALM
    namespaces: Mapping[str, PressureLevel] = field(default_factory=dict)
    others: PressureLevel = PressureLevel.CALM
    nodes: int = 1
    kept_seconds: float = YOUNG_SECONDS
    attended: bool = True

    def of(self, namespace: str) -> PressureLevel:
        """Give the level that holds for a namespace's records."""
        return max(self.cluster, self.namespaces.get(namespace, self.others))


CALM = Pressure()
UNATTENDED = Pressure(nodes=DEFAULT_NODES, attended=False)


def written(pressure: Pressure) -> dict[str, str]:
    """Give the ConfigMap's data; of too many namespaces the worst are named."""
    ranked = sorted(pressure.namespaces.items(), key=lambda item: (-item[1], item[0]))
    named, left = ranked[:MOST_NAMESPACES], ranked[MOST_NAMESPACES:]
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
    """Give the operator's condition `ObjectsUnderstood` as the ConfigMap's data has it.

    Args:
        passed_over: Which objects it passes over, and what to do; empty: none.
    """
    told = {
        "type": "ObjectsUnderstood",
        "status": "False" if passed_over else "True",
        "reason": "NotWhollyRead" if passed_over else "AllRead",
        "message": passed_over,
    }
    return {CONDITIONS: json.dumps([told])}


def read(data: object) -> Pressure | None:
    """Read the ConfigMap's data, whoever wrote it; None: it says nothing that can be read."""
    text = data.get(KEY) if isinstance(data, Mapping) else None
    try:
        content = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or "cluster" not in content:
        return None
    named = content.get("namespaces")
    levels = list(named.items())[:MOST_NAMESPACES] if isinstance(named, dict) else []
    return Pressure(
        cluster=_level(content["cluster"]),
        namespaces={name: _level(level) for name, level in levels},
        others=_level(content.get("others")),
        nodes=_number(content.get("nodes"), DEFAULT_NODES, 1, _MOST_NODES),
        kept_seconds=_number(
            content.get("keptSeconds"),
            int(YOUNG_SECONDS),
            int(YOUNG_IN_NEED_SECONDS),
            int(YOUNG_SECONDS),
        ),
    )


def _level(value: Any) -> PressureLevel:  # noqa: ANN401 - whatever JSON holds
    return PressureLevel(_number(value, PressureLevel.CALM, PressureLevel.CALM, PressureLevel.FULL))


def _number(value: Any, default: int, least: int, most: int) -> int:  # noqa: ANN401 - JSON
    if isinstance(value, bool) or not isinstance(value, int):
        return default
    return min(max(value, least), most)
