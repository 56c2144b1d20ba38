"""The health of a node's agent, in one word and in what is wrong with it."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from oomwarden.core.diagnosis.node_view import ConditionView, NodeView

SILENT_SECONDS = 11 * 60.0
"""Twice the heartbeat and a little more, as api.oomnode.AgentInfo says."""
_BY_CHOICE = {("CgroupWrites", "Off")}
"""What is off in the chart's defaults; on purpose, so nobody has to do anything."""


class AgentState(StrEnum):
    """The health of a node's agent, from good to bad."""

    READY = "Ready"
    DEGRADED = "Degraded"
    NO_REPORT = "NoReport"
    SILENT = "Silent"
    NOT_READY = "NotReady"
    NO_AGENT = "NoAgent"


class NodeHealth(Struct, frozen=True):
    """The state, and what explains it.

    Attributes:
        failing: The conditions that are False, those that are off by choice left out.
        age: Seconds since the heartbeat; None if there was none.
    """

    state: AgentState
    failing: tuple[ConditionView, ...] = ()
    age: float | None = None


def node_health(node: NodeView, now: datetime) -> NodeHealth:
    """Return the health of a node's agent."""
    age = (now - node.heartbeat).total_seconds() if node.heartbeat else None
    failing = failing_conditions(node)
    return NodeHealth(_state(node, failing, age), failing, age)


def failing_conditions(node: NodeView) -> tuple[ConditionView, ...]:
    """Return the conditions that are False and that somebody should act on."""
    return tuple(
        each
        for each in node.conditions
        if each.status == "False" and (each.type, each.reason) not in _BY_CHOICE
    )


def _state(node: NodeView, failing: tuple[ConditionView, ...], age: float | None) -> AgentState:
    if not node.has_status:
        return AgentState.NO_REPORT
    if age is None or age > SILENT_SECONDS:
        return AgentState.SILENT
    if any(each.type == "Ready" for each in failing):
        return AgentState.NOT_READY
    return AgentState.DEGRADED if failing else AgentState.READY
