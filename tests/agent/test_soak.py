"""No growth: after pods have come and gone, and kills with them, the agent holds what it held."""

import gc
import logging
from pathlib import Path

import pytest

from tests.support import virtual_time
from tests.support.churn import PLAYED, churn, missing, rest
from tests.support.churned_node import churned_node
from tests.support.held_memory import growth, held, size
from tests.support.virtual_time import VirtualLoop

PODS = 400
"""More than the deleted pods that are kept. `make soak` lives through 10,000."""
MARGIN = 12
"""Items: conditions and a report come and go."""


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Keep no lines: a thousand kills would be the growth that is found."""
    caplog.set_level(logging.CRITICAL)


def test_what_the_agent_holds_ends_where_it_began(tmp_path: Path) -> None:
    async def soak(loop: VirtualLoop) -> tuple[dict[str, int], int]:
        async with churned_node(tmp_path, loop) as node:
            await churn(node, PODS)
            before, objects = await rest(node), len(gc.get_objects())
            await churn(node, PODS)
            after, more = await rest(node), len(gc.get_objects()) - objects
            assert await missing(node) == {}
            return growth(before, after, MARGIN), more

    grown, objects = virtual_time.run(soak)
    assert grown == {}
    assert objects < 3000


def test_a_storm_that_never_rests_leaves_nothing_behind(tmp_path: Path) -> None:
    async def storm(loop: VirtualLoop) -> tuple[int, int]:
        async with churned_node(tmp_path, loop) as node:
            ledger = node.agent.kills.settler.ledger
            await churn(node, PODS)
            sized, log = size(node.agent, without=PLAYED), node.agent.kills.log
            await churn(node, PODS)
            assert ledger.unrecorded_kills() > 0
            assert len(log._kills) + len(log._claimed) < 100
            return len(ledger.accounts), size(node.agent, without=PLAYED) - sized

    accounts, grown = virtual_time.run(storm)
    assert accounts < 200
    assert grown < 700_000  # counters of containers, kept for ten minutes, within MAX_NAMES


def test_a_growing_collection_is_named_by_its_path() -> None:
    class Part:
        def __init__(self) -> None:
            self.seen: dict[int, str] = {}

    class Whole:
        def __init__(self) -> None:
            self.part = Part()

    whole = Whole()
    before = held(whole)
    whole.part.seen |= dict.fromkeys(range(50), "leak")
    assert growth(before, held(whole), MARGIN) == {".part.seen": 50}
