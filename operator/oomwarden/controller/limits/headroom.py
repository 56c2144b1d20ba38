"""Memory that nodes have left for limits to be raised, by what their agents tell."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pydantic import ValidationError

from oomwarden.api.oomnode import OOMNodeStatus
from oomwarden.core.limits.clock_skew import clock_skew
from oomwarden.core.model.quantity import QuantityError, parse_bytes
from oomwarden.core.reporting.policy_status import is_silent

Json = dict[str, Any]


class NodeHeadroom(NamedTuple):
    """What a node has left, in bytes, and when its agent said so; `skew` of the node's clock."""

    heartbeat: str
    available: int
    skew: timedelta = timedelta()


@dataclass(slots=True)
class MemoryReservations:
    """What was given away of each node since its agent last told what is left, in bytes."""

    _by_node: dict[str, tuple[str, int]] = field(default_factory=dict)  # heartbeat, bytes

    def _spent(self, node: str, room: NodeHeadroom) -> int:
        heartbeat, spent = self._by_node.get(node, ("", 0))
        return spent if heartbeat == room.heartbeat else 0

    def left(self, node: str, room: NodeHeadroom) -> int:
        """Give what is left of a node, if all that was given is used."""
        return room.available - self._spent(node, room)

    def take(self, node: str, room: NodeHeadroom, more: int) -> None:
        """Note that so much was given; less than nothing: it was given back."""
        self._by_node[node] = (room.heartbeat, max(self._spent(node, room) + more, 0))


def room_of(node: Json, now: datetime) -> NodeHeadroom | None:
    """Give the memory that the node has left; None: its agent does not tell."""
    try:
        told = OOMNodeStatus.model_validate(node.get("status") or {})
        heartbeat, available = told.agent.heartbeat, told.memory.available
        skew = clock_skew(node, heartbeat)
        if available is None or is_silent(heartbeat, now - skew):
            return None
        return NodeHeadroom(heartbeat, parse_bytes(available), skew)
    except (ValidationError, QuantityError, OverflowError):  # the last: a heartbeat of year 9999
        return None


def moment(text: object) -> datetime | None:
    """Read a time; one without a zone is in UTC."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
