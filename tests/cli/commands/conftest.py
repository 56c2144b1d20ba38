from collections.abc import Iterator

import pytest
from oomwarden.cli.cluster.login import ApiConnection

from tests.support.command_line import CommandLine
from tests.support.ranked_node import REPORT
from tests.support.ranking_agent import RankingAgent, pod


@pytest.fixture
def agent(oom: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Iterator[RankingAgent]:
    """Return an agent on node-1 with the pod shop/api-1."""
    found = RankingAgent(REPORT)
    monkeypatch.setattr(ApiConnection, "forward", found.forward)
    with found.serve():
        found.add_to(oom.cluster)
        oom.cluster.add(pod("api-1"))
        yield found
