"""Scores that processes had given themselves: saved before they are overridden, then put back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from oomwarden.agent.baselines.rows import PersistedByContainer, Table
from oomwarden.agent.informers.inventory import Container
from oomwarden.core.enforcement.own_scores import OwnScore

Scores = Mapping[int, OwnScore]
"""By pid."""


def _columns(scores: Scores) -> tuple[str]:
    rows = [[pid, own.start, own.score] for pid, own in sorted(scores.items())]
    return (json.dumps(rows),)


def _value(scores: str) -> Scores:
    return {pid: OwnScore(start, own) for pid, start, own in json.loads(scores)}


TABLE: Table[Scores] = Table("own_scores", ("scores",), _columns, _value)


@dataclass(slots=True)
class OwnScoreBaselines(PersistedByContainer[Scores]):
    """The scores that processes of each container had given themselves."""

    table = TABLE

    def saved(self, container: Container) -> Scores:
        """Return what is known of a container's processes and is on the disk."""
        return self.on_disk(container) or {}

    def has(self, container: Container) -> bool:
        """Return whether processes of the container have scores of their own to be put back."""
        return self.get(container) is not None

    def record(self, container: Container, scores: Scores) -> None:
        """Change what is known; it is written at the next `save`."""
        if scores:
            self.put(container, scores)
        else:
            self.forget(container)
