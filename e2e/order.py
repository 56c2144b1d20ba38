"""The order of the stories: the slowest first, so that clusters end at the same time; or shuffled.

`python -m e2e.order TIMES.json` takes a run's times over into `durations.json`.
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
"""Seconds. Quicker stories fill gaps in whatever order."""
_UNKNOWN = 25.0
"""Seconds that a new story is taken to last: it begins in the middle."""


class Need(IntEnum):
    """What a story needs, in the order in which stories begin: the node boots meanwhile."""

    API_SERVER = 0
    NOTHING = 1
    NODE = 2


@dataclass(frozen=True)
class Story:
    """One story, as far as its place in the order goes.

    Attributes:
        name: As in `durations.json`.
        group: Stories with the same group stay together: they share a fixture.
        need: What it needs of a cluster.
    """

    name: str
    group: str
    need: Need


def known_durations() -> dict[str, float]:
    """Read how long stories took, in seconds."""
    durations: dict[str, float] = json.loads(DURATIONS.read_text(encoding="utf-8"))
    return durations


def slowest_first(stories: Iterable[Story], seconds: Mapping[str, float]) -> list[Story]:
    """Put stories without a node first, then groups by their whole length."""
    groups = _groups(stories)

    def place(group: list[Story]) -> tuple[Need, float]:
        unknown = _UNKNOWN if seconds and group[0].need == Need.NODE else 0.0
        length = sum(seconds.get(story.name, unknown) for story in group)
        return max(story.need for story in group), -length

    return [story for group in sorted(groups, key=place) for story in group]


def shuffled(stories: Iterable[Story], seed: str) -> list[Story]:
    """Put groups, and the stories in each, in an order that only the seed decides."""
    dice = random.Random(seed)  # noqa: S311 - nothing is secret about it
    groups = _groups(stories)
    dice.shuffle(groups)
    for group in groups:
        dice.shuffle(group)
    return [story for group in groups for story in group]


def new_seed() -> str:
    """Give a seed that is short to type."""
    return str(random.randrange(10_000))  # noqa: S311 - nothing is secret about it


def _groups(stories: Iterable[Story]) -> list[list[Story]]:
    groups: dict[str, list[Story]] = {}
    for story in stories:
        groups.setdefault(story.group, []).append(story)
    return list(groups.values())


def worth_keeping(times: Iterable[Mapping[str, object]]) -> dict[str, int]:
    """Pick the long stories out of a run's times; whole seconds, so that changes are readable."""
    found = {str(time["name"]): float(str(time["seconds"])) for time in times}
    return {name: round(found[name]) for name in sorted(found) if found[name] >= _WORTH_KEEPING}


if __name__ == "__main__":
    kept = worth_keeping(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    DURATIONS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
