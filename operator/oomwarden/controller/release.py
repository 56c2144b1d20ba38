"""`oomwarden-operator release`: make every agent restore what it changed before an uninstall."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from oomwarden.api.codec.codec import decode
from oomwarden.api.codec.refusals import InvalidObjectError
from oomwarden.api.oomnode import OOMNodeStatus
from oomwarden.core.fleet.heartbeats import is_silent
from oomwarden.core.log_line.keys import about
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.reporting.node_conditions import LEFT_CHANGED
from oomwarden.kube.transport.errors import API_ERRORS, classify_error, error_keys

POLL_SECONDS = 1.0
SETTLED_AFTER = timedelta(seconds=15)
"""An agent writes its OOMNode at most 12 s after the previous write, so a count of zero that was
written before the release is trusted only after this time."""
_CONSEQUENCE = (
    "What was not restored stays: scores and memory.oom.group until containers restart, memory "
    "limits until pods are recreated."
)
_LEFT = (
    "On {nodes} memory.oom.group keeps the values that agents have set until the containers "
    "restart, because agent.cgroupWrites was switched off."
)
_MODE_STAYS = (
    "ConfigMap oomwarden-control stays at mode Release; set it to Enforce when you install "
    "oomwarden again."
)
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a node's agent last reported.

    Attributes:
        node: The node's name.
        heartbeat: When the agent reported it, RFC 3339.
        applied: Containers, or else processes, that are still changed; None: unreadable.
        groups_left: Whether changed values of memory.oom.group stay because agents may no longer
            write to cgroups. The release does not wait for them.
    """

    node: str
    heartbeat: str
    applied: int | None
    groups_left: bool = False

    def is_restored(self, released: datetime, now: datetime) -> bool:
        """Return whether nothing on the node is still changed by oomwarden."""
        if self.applied != 0:
            return False
        return now - released >= SETTLED_AFTER or _heartbeat_time(self.heartbeat) > released


@dataclass(frozen=True, slots=True)
class ReleaseProgress:
    """How far the agents have restored their nodes.

    Attributes:
        awaited: Nodes that are not restored yet.
        silent: Nodes that are not restored, and whose agent no longer reports: not waited for.
        groups_left: Names of nodes that keep changed values of memory.oom.group.
    """

    awaited: tuple[NodeState, ...]
    silent: tuple[NodeState, ...]
    groups_left: tuple[str, ...] = ()


def progress(states: Sequence[NodeState], released: datetime, now: datetime) -> ReleaseProgress:
    """Return which nodes are not restored; `released` is when the mode was written."""
    silent = tuple(state for state in states if is_silent(state.heartbeat, now))
    left = tuple(state for state in states if not state.is_restored(released, now))
    return ReleaseProgress(
        awaited=tuple(state for state in left if state not in silent),
        silent=tuple(state for state in left if state in silent),
        groups_left=tuple(state.node for state in states if state.groups_left),
    )


def summary(last: ReleaseProgress | None) -> str:
    """Describe the outcome for an administrator; `last` is None if no OOMNode could be read."""
    if last is None:
        return f"No OOMNode could be read. {_CONSEQUENCE} {_MODE_STAYS}"
    parts = [_LEFT.format(nodes=", ".join(last.groups_left))] if last.groups_left else []
    left = [*last.awaited, *last.silent]
    if left:
        nodes = ", ".join(map(_describe, left))
        parts.append(
            f"Not restored on {nodes}: no report in time, no agent runs there, or a container uses "
            f"more than its limit was. {_CONSEQUENCE} {_MODE_STAYS}"
        )
    else:
        parts.append("Every agent has restored what it changed.")
    return " ".join(parts)


def _describe(state: NodeState) -> str:
    containers = "unknown" if state.applied is None else state.applied
    return f"{state.node} (containers: {containers})"


def state_of(node: dict[str, Any]) -> NodeState | None:
    """Parse an OOMNode; None: its agent never wrote a status, so it never changed anything."""
    if not node.get("status"):
        return None
    name = str(node["metadata"]["name"])
    try:
        status = decode(OOMNodeStatus, node["status"])
    except InvalidObjectError:
        return NodeState(name, "", None)
    applied = status.applied.containers or status.applied.processes
    left = any(each.reason == LEFT_CHANGED for each in status.conditions)
    return NodeState(name, status.agent.heartbeat, applied, left)


class OOMNodeCalls(Protocol):
    """Required API calls; each may raise one of kube.transport.errors.API_ERRORS."""

    async def list_nodes(self) -> list[dict[str, Any]]:
        """List the OOMNodes."""


class ModeWriter(Protocol):
    """Calls on the mode's ConfigMap; each may raise one of kube.transport.errors.API_ERRORS."""

    async def set_mode(self, mode: EnforcementMode) -> None:
        """Set the mode; create the ConfigMap if it does not exist."""

    async def remove(self) -> None:
        """Delete the ConfigMap."""


async def release(
    nodes: OOMNodeCalls,
    mode: ModeWriter,
    wait: timedelta,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> ReleaseProgress | None:
    """Set mode Release, wait for the agents, and delete the ConfigMap once all have restored.

    Without the ConfigMap agents change nothing more, and the next installation creates a new one.
    If an agent has not restored its node, the ConfigMap stays at Release.

    Returns:
        The last progress; None if OOMNodes could not be listed.

    Raises:
        kube.transport.errors.API_ERRORS: The mode could not be written.
    """
    await mode.set_mode(EnforcementMode.RELEASE)
    released = clock()
    last: ReleaseProgress | None = None
    while clock() - released < wait:
        last = await _poll(nodes, released, last, clock)
        if last is not None and not last.awaited:
            break
        await sleep(POLL_SECONDS)
    if last is not None and not (last.awaited or last.silent):
        await _remove(mode)
    return last


async def _poll(
    nodes: OOMNodeCalls,
    released: datetime,
    last: ReleaseProgress | None,
    clock: Callable[[], datetime],
) -> ReleaseProgress | None:
    """Return the current progress, or `last` if OOMNodes cannot be listed."""
    try:
        states = [state_of(node) for node in await nodes.list_nodes()]
    except API_ERRORS as error:
        failure = classify_error(error)
        _LOG.warning(
            "OOMNodes could not be listed, retrying: %s",
            failure.reason,
            extra=about(error_keys(failure), kind="OOMNode"),
        )
        return last
    found = progress([each for each in states if each], released, clock())
    if found.awaited and (last is None or last.awaited != found.awaited):
        _LOG.info(
            "waiting for nodes %s",
            ", ".join(state.node for state in found.awaited),
            extra=about(kind="OOMNode", count=len(found.awaited)),
        )
    return found


async def _remove(mode: ModeWriter) -> None:
    try:
        await mode.remove()
    except API_ERRORS as error:
        failure = classify_error(error)
        _LOG.warning(
            "ConfigMap oomwarden-control could not be deleted: %s. %s",
            failure.reason,
            _MODE_STAYS,
            extra=about(error_keys(failure), kind="ConfigMap"),
        )


def _heartbeat_time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
