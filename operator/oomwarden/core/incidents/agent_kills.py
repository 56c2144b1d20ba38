"""OOM kills of the node's own agents: what the node's condition says of them."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from oomwarden.api.oomkill import Cause
from oomwarden.core.incidents.incident import Incident
from oomwarden.core.model.quantity import format_bytes

VALUE = "agent.resources.limits.memory"
"""What the chart calls the agent's memory limit."""
_LIMITS = {Cause.CONTAINER_LIMIT, Cause.POD_LIMIT}
_SHOWN_SECONDS = 24 * 3600.0
_RAISED_SHOWN_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class AgentKills:
    """How often agents of this node were OOM-killed, and the last time (seconds since 1970).

    `limit` is the one that the last kill was at, in bytes; None: at none of its own, or unknown.
    """

    kills: int = 0
    last: float = 0.0
    limit: int | None = None

    def with_kill(self, incident: Incident, before: float) -> "AgentKills":
        """Add an incident of an agent's own pod; it happened before this time."""
        limit = incident.limit if incident.verdict.cause in _LIMITS else None
        newest = self if before < self.last else AgentKills(0, before, limit)
        return replace(newest, kills=self.kills + incident.kills)


def event_remedy(incident: Incident) -> str:
    """Say in the Event of an agent's own kill what to do; empty: as in the Event of any kill."""
    raise_it = f"{VALUE} in the values of oomwarden's chart."
    if incident.verdict.cause is Cause.UNKNOWN:
        return f"If it was the agent's own limit, raise {raise_it}"
    return f"Raise {raise_it}" if incident.verdict.cause in _LIMITS else ""


def of_agents(agents: AbstractSet[str], settled: Iterable[tuple[Incident, float]]) -> AgentKills:
    """Sum up the kills in the agents' pods.

    Args:
        agents: The UIDs of these pods.
        settled: Incidents of any pod, and the time before which each happened.
    """
    found = AgentKills()
    for incident, before in settled:
        if incident.pod.uid in agents:
            found = found.with_kill(incident, before)
    return found


def joined(one: AgentKills, other: AgentKills) -> AgentKills:
    """Add up what two sets of records say."""
    newest = max(one, other, key=lambda each: each.last)
    return replace(newest, kills=one.kills + other.kills)


def remedy(found: AgentKills, limit: int | None, now: float) -> str:
    """Say what to do; empty: no agent was killed lately.

    It is shown for a day, and for an hour where the limit was raised since.

    Args:
        found: What the records say.
        limit: The agent's memory limit at present, in bytes; None: it has none.
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
        return f": if it was its own limit, raise {VALUE}; else see what uses the node's memory"
    at = f", at its memory limit of {format_bytes(hit)}"
    if raised:
        now = "without a limit" if limit is None else format_bytes(limit)
        return f"{at}, which is {now} now: watch whether that is enough ({VALUE} in the chart)"
    return f"{at}, and kills were recorded late: raise {VALUE} in the chart's values"
