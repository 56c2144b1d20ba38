"""Bad hours of a node: no kill is lost or recorded twice, and memory is bounded."""

import asyncio
import logging
import sqlite3
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from oomwarden.agent.delivery import outbox
from oomwarden.kube.oomkill_writer import Delivery
from oomwarden.kube.transport.errors import WriteOutcome, WriteResult

from tests.support import virtual_time
from tests.support.churn import Pace, churn, missing, rest
from tests.support.churned_node import ChurnedNode, churned_node
from tests.support.held_memory import growth
from tests.support.played_node import PlayedApi, PlayedKernel
from tests.support.virtual_time import VirtualLoop

HOUR = 3600.0
QUIET = Pace(pods=4, kills=2, unread=0, seconds=30.0)
"""Eight pods and four kills a minute."""
BACKOFFS = ".kills.deliverer._records._backoffs"
"""One for each record that was tried; at most MAX_PENDING are: the others wait on the disk."""
RETRY_AFTER = 20.0
BUSY = WriteResult(
    WriteOutcome.RETRY, "429 TooManyRequests", retry_after=RETRY_AFTER, server_wide=True
)


def busy(times: list[float], loop: VirtualLoop, _: object) -> Delivery:
    times.append(loop.now)
    return Delivery(retry=BUSY)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def test_an_api_server_that_answers_429_for_an_hour_costs_neither_kills_nor_memory(
    tmp_path: Path,
) -> None:
    async def hour(loop: VirtualLoop) -> None:
        async with churned_node(tmp_path, loop) as node:
            await churn(node, 300)
            before = await rest(node)
            times: list[float] = []
            node.api.answer = partial(busy, times, loop)
            posted = node.api.posts
            await churn(node, 480, QUIET)
            assert await missing(node) == {}
            assert HOUR / 60 < node.api.posts - posted < HOUR / RETRY_AFTER
            gaps = {round(later - now) for now, later in pairwise(times)}
            assert min(gaps - {0}) >= RETRY_AFTER
            assert len(gaps) > 1  # jitter
            assert await waiting(node) > 100
            grown = growth(before, await rest(node), 20)
            assert grown.keys() <= {BACKOFFS}
            assert grown.get(BACKOFFS, 0) < len(times)
            node.api.answer = lambda _: None
            waited, posts = await waiting(node), node.api.posts
            await node.settle(HOUR)
            assert node.api.posts > posts
            assert await waiting(node) < waited
            assert await missing(node) == {}

    virtual_time.run(hour)


def test_an_api_server_that_takes_half_a_minute_for_each_answer_loses_nothing(
    tmp_path: Path,
) -> None:
    class SlowApi(PlayedApi):
        async def deliver(self, client: object, what: object) -> Delivery:
            await asyncio.sleep(30)
            return await super().deliver(client, what)

    async def hour(loop: VirtualLoop) -> None:
        async with churned_node(tmp_path, loop, SlowApi()) as node:
            await churn(node, 300)
            before = await rest(node)
            await churn(node, 240, QUIET)
            assert growth(before, await rest(node), 20) == {}
            assert await missing(node) == {}

    virtual_time.run(hour)


@pytest.mark.parametrize("minutes", [-7, 7])
def test_a_clock_that_is_set_while_kills_happen_loses_and_doubles_nothing(
    tmp_path: Path, minutes: int
) -> None:
    async def hour(loop: VirtualLoop) -> None:
        async with churned_node(tmp_path, loop) as node:
            await churn(node, 48, QUIET)
            loop.skew = minutes * 60.0
            await churn(node, 48, QUIET)
            loop.skew = 0.0
            await churn(node, 48, QUIET)
            await rest(node)
            assert await missing(node) == {}
            assert await waiting(node) == 0
            statuses = node.api.statuses
            await node.settle(HOUR / 4)
            assert node.api.statuses > statuses  # the heartbeat goes on

    virtual_time.run(hour)


def test_an_agent_that_is_restarted_every_minute_records_every_kill_once(tmp_path: Path) -> None:
    async def hour(loop: VirtualLoop) -> None:
        api, kernel = PlayedApi(), PlayedKernel()
        number, posts = 0, list[int]()
        for _ in range(60):
            before = api.posts + api.statuses
            async with churned_node(tmp_path, loop, api, kernel) as node:
                node.number = number
                await churn(node, 8, QUIET)
                for pod in list(node.running.values()):
                    node.kill(pod)  # it is recorded by the next agent, if not by this one
                    node.end(pod)
                node.tell()
                number = node.number
            posts.append(api.posts + api.statuses - before)
        async with churned_node(tmp_path, loop, api, kernel) as node:
            await rest(node)
            assert await missing(node) == {}
        assert max(posts) < 40

    virtual_time.run(hour)


async def waiting(node: ChurnedNode) -> int:
    """Return how many records wait for the API server."""

    def count(db: sqlite3.Connection) -> int:
        return len(outbox.pending(db)) + outbox.outbox_counts(db).held

    return await node.agent.node.store.run(partial(count))
