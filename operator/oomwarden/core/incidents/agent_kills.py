"""OOM kills of the node's own agents, which the node's condition reports."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from oomwarden.api.oomkill import Cause
from oomwarden.core.incidents.incident import Incident
from oomwarden.core.model.quantity import format_bytes

CHART_VALUE = "agent.resources.limits.memory"
"""The chart value that sets the agent's memory limit."""
_LIMITS = {Cause.CONTAINER_LIMIT, Cause.POD_LIMIT}
_SHOWN_SECONDS = 24 * 3600.0
_RAISED_SHOWN_SECONDS = 3600.0


class AgentKills(Struct, frozen=True):
    """OOM kills of this node's agents.

    Attributes:
        kills: How often agents were OOM-killed.
        last: Time of the last kill (seconds since 1970).
        limit: The agent's limit that the last kill hit, in bytes; None if it hit no limit of the
            agent's own, or if that is unknown.
    """

    kills: int = 0
    last: float = 0.0
    limit: int | None = None

    def with_kill(self, incident: Incident) -> "AgentKills":
        """Add an incident in an agent's own pod."""
        before = incident.context.before
        limit = incident.limit if incident.verdict.cause in _LIMITS else None
        newest = self if before < self.last else AgentKills(0, before, limit)
        return replace(newest, kills=self.kills + incident.kills)


def event_advice(incident: Incident) -> str:
    """Return the advice in the Event of an agent's own kill; empty: the advice for any pod."""
    raise_it = f"{CHART_VALUE} in the values of oomwarden's chart."
    if incident.verdict.cause is Cause.UNKNOWN:
        return f"If the agent's own limit was hit, raise {raise_it}"
    return f"Raise {raise_it}" if incident.verdict.cause in _LIMITS else ""


def count_agent_kills(agents: AbstractSet[str], incidents: Iterable[Incident]) -> AgentKills:
    """Sum up the kills in the agents' pods.

    Args:
        agents: The UIDs of these pods.
        incidents: Incidents of any pod.
    """
    found = AgentKills()
    for incident in incidents:
        if incident.pod.uid in agents:
            found = found.with_kill(incident)
    return found


def merged(one: AgentKills, other: AgentKills) -> AgentKills:
    """Add up the kills of two sets of records."""
    newest = max(one, other, key=lambda each: each.last)
    return replace(newest, kills=one.kills + other.kills)


def condition_message(found: AgentKills, limit: int | None, now: float) -> str:
    """Return the condition's message; empty if no agent was killed lately.

    It is shown for a day, or for an hour if the limit was raised since.

    Args:
        found: The kills.
        limit: The agent's current memory limit in bytes; None if it has none.
        now: Seconds since 1970.
    """
    raised = found.limit is not None and (limit is None or limit > found.limit)
    shown = _RAISED_SHOWN_SECONDS if raised else _SHOWN_SECONDS
    if not found.kills or now - found.last > shown:
        return ""
    last = datetime.fromtimestamp(found.last, UTC).isoformat(timespec="seconds")
    times = "once" if found.kills == 1 else f"{found.kills} times, last"
    killed = f"an agent of this node was OOM-killed {times} at {last.replace('+00:00', 'Z')}"
    return f"{killed}{_advice(found.limit, limit, raised=raised)}"


def _advice(hit: int | None, limit: int | None, *, raised: bool) -> str:
    if hit is None:
        return (
            f": if it hit its own limit, raise {CHART_VALUE}; else see what uses the node's memory"
        )
    at = f", at its memory limit of {format_bytes(hit)}"
    if raised:
        now = "without a limit" if limit is None else format_bytes(limit)
        return (
            f"{at}, which is {now} now: check whether that is enough ({CHART_VALUE} in the chart)"
        )
    return f"{at}, and kills were recorded late: raise {CHART_VALUE} in the chart's values"
