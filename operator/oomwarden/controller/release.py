"""`oomwarden-operator release`: have every agent put back what it changed, before all goes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from pydantic import ValidationError

from oomwarden.api.oomnode import OOMNodeStatus
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.reporting.node_conditions import LEFT_CHANGED
from oomwarden.core.reporting.policy_status import is_silent
from oomwarden.kube.transport.errors import API_ERRORS, failure

POLL_SECONDS = 1.0
SETTLED_AFTER = timedelta(seconds=15)
"""An agent writes its OOMNode 12 s after the one before at the latest: a zero that is older than
the switch counts only after that."""
_CONSEQUENCE = (
    "What was not put back stays: scores and memory.oom.group until containers restart, memory "
    "limits until pods are recreated."
)
_LEFT = (
    "On {nodes} memory.oom.group stays as the agents have set it until the containers restart, "
    "because agent.cgroupWrites was switched off meanwhile."
)
_TURN = "Whoever installs oomwarden again has to set it to Enforce."
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a node's agent said last. `heartbeat` is RFC 3339; `applied` None: not understood.

    `groups_left`: values of memory.oom.group stay, because the agents may not write to cgroups any
    more. Nobody waits for them.
    """

    node: str
    heartbeat: str
    applied: int | None
    groups_left: bool = False

    def has_put_back(self, switched: datetime, now: datetime) -> bool:
        """Whether nothing of ours is left on the node."""
        if self.applied != 0:
            return False
        return now - switched >= SETTLED_AFTER or _moment(self.heartbeat) > switched


@dataclass(frozen=True, slots=True)
class Progress:
    """Nodes that are still awaited, and nodes whose agent is not heard: nobody waits for those."""

    awaited: tuple[NodeState, ...]
    silent: tuple[NodeState, ...]
    groups_left: tuple[str, ...] = ()


def progress(states: Sequence[NodeState], switched: datetime, now: datetime) -> Progress:
    """Tell who has not answered. `switched` is when the switch was written."""
    silent = tuple(state for state in states if is_silent(state.heartbeat, now))
    left = tuple(state for state in states if not state.has_put_back(switched, now))
    return Progress(
        awaited=tuple(state for state in left if state not in silent),
        silent=tuple(state for state in left if state in silent),
        groups_left=tuple(state.node for state in states if state.groups_left),
    )


def verdict(last: Progress | None) -> str:
    """Tell a person how it ended. None: nothing could be learnt of the agents."""
    if last is None:
        return f"No OOMNode could be read. {_CONSEQUENCE} The switch stays, at Release. {_TURN}"
    left = [*last.awaited, *last.silent]
    if last.groups_left:
        where = ", ".join(last.groups_left)
        return f"{_LEFT.format(nodes=where)} {verdict(replace(last, groups_left=()))}"
    if not left:
        return "Every agent has put back what it changed."
    nodes = ", ".join(
        f"{state.node} (containers: {'unknown' if state.applied is None else state.applied})"
        for state in left
    )
    return (
        f"Not put back on {nodes}: no answer in time, or no agent runs there. {_CONSEQUENCE} "
        f"The switch stays, at Release. {_TURN}"
    )


def state_of(node: dict[str, Any]) -> NodeState | None:
    """Read an OOMNode; None: its agent never wrote, so it never changed anything."""
    if not node.get("status"):
        return None
    name = str(node["metadata"]["name"])
    try:
        status = OOMNodeStatus.model_validate(node["status"])
    except ValidationError:
        return NodeState(name, "", None)
    applied = status.applied.containers or status.applied.processes
    left = any(each.reason == LEFT_CHANGED for each in status.conditions)
    return NodeState(name, status.agent.heartbeat, applied, left)


class Cluster(Protocol):
    """The calls that are needed."""

    async def nodes(self) -> list[dict[str, Any]]:
        """List the OOMNodes."""


class ModeSwitch(Protocol):
    """The calls on the switch."""

    async def set_mode(self, mode: EnforcementMode) -> None:
        """Turn the switch; make it where there is none."""

    async def remove(self) -> None:
        """Delete the switch."""


async def release(
    cluster: Cluster,
    switch: ModeSwitch,
    wait: timedelta,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Progress | None:
    """Write Release, wait for the agents, and take the switch away once all have put back.

    Without a switch agents change nothing more, and the next installation makes a new one. While
    an agent has not answered it stays at Release.

    Raises:
        kube.errors.API_ERRORS: the switch could not be written.
    """
    await switch.set_mode(EnforcementMode.RELEASE)
    switched = clock()
    last: Progress | None = None
    while clock() - switched < wait:
        try:
            states = [state_of(node) for node in await cluster.nodes()]
            before, last = last, progress([each for each in states if each], switched, clock())
            if not last.awaited:
                break
            if before is None or before.awaited != last.awaited:
                _LOG.info("waiting for %s", ", ".join(state.node for state in last.awaited))
        except API_ERRORS as error:  # asked again until the time is over
            _LOG.warning("OOMNodes could not be listed: %s", failure(error).reason)
        await sleep(POLL_SECONDS)
    if last is not None and not (last.awaited or last.silent):
        await _remove(switch)
    return last


async def _remove(switch: ModeSwitch) -> None:
    try:
        await switch.remove()
    except API_ERRORS as error:
        _LOG.warning("the switch stays, at Release: %s. %s", failure(error).reason, _TURN)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
