"""Judges what the usage of containers looks like over hours, a few containers at a time."""

import time

from msgspec import Struct

from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.core.incidents.memory_history import NEAR
from oomwarden.core.incidents.near_misses import ROUND_SECONDS
from oomwarden.core.incidents.usage_trend import judge, turn_of

JUDGE_SECONDS = 900.0
"""Each container is judged again after this time: a leak takes hours to show."""
GROWN = 0.05
"""A container that grew by a smaller part, and is not near its limit, does not leak."""
MAX_JUDGED_CONTAINERS = 8
"""In one round: one takes half a millisecond. The others wait for their next turn."""
_TURNS = int(JUDGE_SECONDS / ROUND_SECONDS)


class UsagePatternMonitor(Struct):
    """Keeps the verdict of each container beside its trend, in the inventory."""

    inventory: Inventory
    _turn: int = 0

    def step(self) -> None:
        """Judge the containers whose turn it is; those that need no look have no verdict."""
        self._turn = (self._turn + 1) % _TURNS
        containers = self.inventory.containers.items()
        due = [each for inode, each in containers if turn_of(inode, _TURNS) == self._turn]
        for each in due:
            if not _is_worth_a_look(each):
                each.verdict = None
        for each in list(filter(_is_worth_a_look, due))[:MAX_JUDGED_CONTAINERS]:
            if each.trend is not None:
                each.verdict = judge(each.trend.readings_until(time.time()), each.limit)


def _is_worth_a_look(container: Container) -> bool:
    if container.trend is None or container.memory is None:
        return False
    is_near = container.limit is not None and container.memory.usage >= NEAR * container.limit
    return is_near or container.trend.has_grown(GROWN)
