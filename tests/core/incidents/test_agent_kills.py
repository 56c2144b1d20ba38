"""How a node's condition reports OOM kills of its own agents."""

import pytest
from msgspec.structs import replace
from oomwarden.api.oomkill import Cause
from oomwarden.core.incidents.agent_kills import (
    AgentKills,
    condition_message,
    count_agent_kills,
    event_advice,
    merged,
)
from oomwarden.core.incidents.cause import CauseVerdict
from oomwarden.core.incidents.incident import Incident
from oomwarden.core.incidents.record_context import RecordContext
from oomwarden.core.ledger.account import CounterRange
from oomwarden.core.model.cgroup import Cgroup, Level

from tests.support.pods import pod

NOW = 1_767_312_000.0
MIB = 1 << 20
AGENT = replace(pod(), uid="agent-uid", name="oomwarden-agent-x2x4z")


def killed(
    pod_limit: int | None = 30 * MIB, cause: Cause = Cause.CONTAINER_LIMIT, before: float = NOW
) -> Incident:
    cgroup = Cgroup(1, "/pod", Level.POD)
    counted = CounterRange(cgroup, 0, 0, 2, cgroup)
    context = RecordContext("node-1", "boot", None, before)
    return Incident(counted, AGENT, None, (), CauseVerdict(cause), pod_limit, 1, (), context)


def test_only_kills_in_the_agents_own_pods_count() -> None:
    other = replace(killed(), pod=pod())
    found = count_agent_kills({"agent-uid"}, [killed(before=NOW - 60), other])
    assert found == AgentKills(1, NOW - 60, 30 * MIB)


def test_the_limit_is_the_newest_kills_whatever_the_order() -> None:
    kills = [killed(40 * MIB, before=NOW - 10), killed(30 * MIB, before=NOW - 90)]
    found = count_agent_kills({"agent-uid"}, kills)
    assert found == AgentKills(2, NOW - 10, 40 * MIB)
    assert merged(AgentKills(3, NOW - 500, 20 * MIB), found) == AgentKills(5, NOW - 10, 40 * MIB)


def test_an_agent_that_was_killed_names_the_chart_value_to_raise() -> None:
    text = condition_message(AgentKills(3, NOW - 60, 30 * MIB), 30 * MIB, NOW)
    assert "3 times" in text
    assert "2026-01-01T23:59:00Z" in text
    assert "30Mi" in text
    assert "raise agent.resources.limits.memory" in text


def test_a_raised_limit_is_reported_for_an_hour() -> None:
    kills = AgentKills(1, NOW, 30 * MIB)
    assert "which is 256Mi now" in condition_message(kills, 256 * MIB, NOW + 3599)
    assert "without a limit" in condition_message(kills, None, NOW + 60)
    assert condition_message(kills, 256 * MIB, NOW + 3601) == ""
    assert condition_message(kills, 30 * MIB, NOW + 3601) != ""
    assert condition_message(kills, 30 * MIB, NOW + 86401) == ""


def test_a_node_out_of_memory_is_not_blamed_on_the_agents_limit() -> None:
    found = count_agent_kills({"agent-uid"}, [killed(None, Cause.NODE_OUT_OF_MEMORY)])
    assert "see what uses the node's memory" in condition_message(found, 256 * MIB, NOW)


def test_the_event_of_its_kill_names_the_chart_value_if_a_limit_was_hit() -> None:
    assert "agent.resources.limits.memory" in event_advice(killed())
    assert event_advice(killed(None, Cause.UNKNOWN)).startswith("If the agent's own limit")
    assert event_advice(killed(None, Cause.NODE_OUT_OF_MEMORY)) == ""


@pytest.mark.parametrize("limit", [None, 30 * MIB])
def test_without_kills_the_message_is_empty(limit: int | None) -> None:
    assert condition_message(AgentKills(), limit, NOW) == ""
