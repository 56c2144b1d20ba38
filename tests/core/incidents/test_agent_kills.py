"""What a node's condition says of OOM kills of its own agents."""

from dataclasses import replace

import pytest
from oomwarden.api.oomkill import Cause
from oomwarden.core.incidents.agent_kills import AgentKills, event_remedy, joined, of_agents, remedy
from oomwarden.core.incidents.cause import Verdict
from oomwarden.core.incidents.incident import Incident
from oomwarden.core.ledger.account import CounterRange
from oomwarden.core.model.cgroup import Cgroup, Level

from tests.support.pods import pod

NOW = 1_767_312_000.0
MIB = 1 << 20
AGENT = replace(pod(), uid="agent-uid", name="oomwarden-agent-x2x4z")


def killed(pod_limit: int | None = 30 * MIB, cause: Cause = Cause.CONTAINER_LIMIT) -> Incident:
    cgroup = Cgroup(1, "/pod", Level.POD)
    return Incident(
        CounterRange(cgroup, 0, 0, 2, cgroup), AGENT, None, (), Verdict(cause), pod_limit, 1, (),
        from_log=True,
    )  # fmt: skip


def test_only_kills_in_the_agents_own_pods_count() -> None:
    other = replace(killed(), pod=pod())
    found = of_agents({"agent-uid"}, [(killed(), NOW - 60), (other, NOW - 30)])
    assert found == AgentKills(1, NOW - 60, 30 * MIB)


def test_the_newest_kill_gives_the_limit_whatever_the_order() -> None:
    kills = [(killed(40 * MIB), NOW - 10), (killed(30 * MIB), NOW - 90)]
    found = of_agents({"agent-uid"}, kills)
    assert found == AgentKills(2, NOW - 10, 40 * MIB)
    assert joined(AgentKills(3, NOW - 500, 20 * MIB), found) == AgentKills(5, NOW - 10, 40 * MIB)


def test_an_agent_that_was_killed_names_the_chart_value_to_raise() -> None:
    text = remedy(AgentKills(3, NOW - 60, 30 * MIB), 30 * MIB, NOW)
    assert "3 times" in text
    assert "2026-01-01T23:59:00Z" in text
    assert "30Mi" in text
    assert "raise agent.resources.limits.memory" in text


def test_a_raised_limit_is_said_for_an_hour() -> None:
    kills = AgentKills(1, NOW, 30 * MIB)
    assert "which is 256Mi now" in remedy(kills, 256 * MIB, NOW + 3599)
    assert "without a limit" in remedy(kills, None, NOW + 60)
    assert remedy(kills, 256 * MIB, NOW + 3601) == ""
    assert remedy(kills, 30 * MIB, NOW + 3601) != ""
    assert remedy(kills, 30 * MIB, NOW + 86401) == ""


def test_a_node_out_of_memory_is_not_blamed_on_the_agents_limit() -> None:
    found = of_agents({"agent-uid"}, [(killed(None, Cause.NODE_OUT_OF_MEMORY), NOW)])
    assert "see what uses the node's memory" in remedy(found, 256 * MIB, NOW)


def test_the_event_of_its_kill_names_the_chart_value_where_a_limit_was_hit() -> None:
    assert "agent.resources.limits.memory" in event_remedy(killed())
    assert event_remedy(killed(None, Cause.UNKNOWN)).startswith("If it was")
    assert event_remedy(killed(None, Cause.NODE_OUT_OF_MEMORY)) == ""


@pytest.mark.parametrize("limit", [None, 30 * MIB])
def test_without_kills_there_is_nothing_to_say(limit: int | None) -> None:
    assert remedy(AgentKills(), limit, NOW) == ""
