"""The order of the stories: slowest first, so that all clusters finish together; or shuffled.

`python -m e2e.order TIMES.json` copies the durations of a run into `durations.json`.
"""

import json
import random
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

DURATIONS = Path(__file__).with_name("durations.json")
_WORTH_KEEPING = 5.0
"""Seconds. Faster stories fill the gaps in any order."""
_UNKNOWN = 25.0
"""Seconds that an untimed story is assumed to last, so that it runs in the middle."""


class Need(IntEnum):
    """What a story needs. Stories start in this order, so that the node can boot meanwhile."""

    API_SERVER = 0
    NOTHING = 1
    NODE = 2


@dataclass(frozen=True)
class Story:
    """The facts about a story that determine its place in the order.

    Attributes:
        name: The name, as in `durations.json`.
        group: Stories of the same group stay together, because they share a fixture.
        need: What it needs from a cluster.
    """

    name: str
    group: str
    need: Need


def known_durations() -> dict[str, float]:
    """Read the saved durations of stories, in seconds."""
    durations: dict[str, float] = json.loads(DURATIONS.read_text(encoding="utf-8"))
    return durations


def slowest_first(stories: Iterable[Story], seconds: Mapping[str, float]) -> list[Story]:
    """Sort stories without a node first, then groups by total length, longest first."""
    groups = _groups(stories)

    def place(group: list[Story]) -> tuple[Need, float]:
        unknown = _UNKNOWN if seconds and group[0].need == Need.NODE else 0.0
        length = sum(seconds.get(story.name, unknown) for story in group)
        return max(story.need for story in group), -length

    return [story for group in sorted(groups, key=place) for story in group]


def shuffled(stories: Iterable[Story], seed: str) -> list[Story]:
    """Shuffle the groups, and the stories in each, with a seed."""
    dice = random.Random(seed)  # noqa: S311 - not a secret
    groups = _groups(stories)
    dice.shuffle(groups)
    for group in groups:
        dice.shuffle(group)
    return [story for group in groups for story in group]


def new_seed() -> str:
    """Return a random seed that is short to type."""
    return str(random.randrange(10_000))  # noqa: S311 - not a secret


def _groups(stories: Iterable[Story]) -> list[list[Story]]:
    groups: dict[str, list[Story]] = {}
    for story in stories:
        groups.setdefault(story.group, []).append(story)
    return list(groups.values())


def worth_keeping(times: Iterable[Mapping[str, object]]) -> dict[str, int]:
    """Return the durations of long stories, in whole seconds so that diffs stay readable."""
    found = {str(time["name"]): float(str(time["seconds"])) for time in times}
    return {name: round(found[name]) for name in sorted(found) if found[name] >= _WORTH_KEEPING}


if __name__ == "__main__":
    kept = worth_keeping(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    DURATIONS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
