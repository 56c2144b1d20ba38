"""What kopf tells of OOMNodes reaches the loop that sets limits."""

from typing import Any

import pytest
from cluster_of_one import OnePod
from oomwarden.controller.asks import AskHandlers
from oomwarden.controller.resizes import Resizer

ASK = {"namespace": "shop", "pod": "db-0", "uid": "u", "container": "app", "limit": "1Gi"}


@pytest.fixture
def resizer() -> Resizer:
    return Resizer(OnePod(), lambda _: None)


async def told(resizer: Resizer, kind: str | None, **status: Any) -> list[str]:  # noqa: ANN401
    await AskHandlers(resizer).node_changed(type=kind, name="node-1", status=status)
    return [each.pod for each in resizer._asked["node-1"]]


async def test_what_a_node_asks_for_replaces_what_it_asked_before(resizer: Resizer) -> None:
    assert await told(resizer, None, resizes=[{**ASK, "policy": "p"}]) == ["db-0"]
    assert await told(resizer, "MODIFIED") == []


async def test_a_node_that_is_gone_asks_for_nothing(resizer: Resizer) -> None:
    assert await told(resizer, "DELETED", resizes=[{**ASK, "policy": "p"}]) == []


async def test_an_ask_that_makes_no_sense_is_left_out(resizer: Resizer) -> None:
    assert await told(resizer, None, resizes=[{"pod": 5}]) == []
