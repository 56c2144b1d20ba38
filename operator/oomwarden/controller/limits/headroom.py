"""Memory that a node has available for raised limits, as its agent reports it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from oomwarden.api.codec.codec import decode
from oomwarden.api.codec.refusals import InvalidObjectError
from oomwarden.api.oomnode import OOMNodeStatus
from oomwarden.core.fleet.heartbeats import is_silent
from oomwarden.core.limits.clock_skew import clock_skew
from oomwarden.core.model.quantity import QuantityError, parse_bytes
from oomwarden.core.objects.json_parts import Manifest


class NodeHeadroom(NamedTuple):
    """Memory that is available on a node.

    Attributes:
        heartbeat: When the agent reported it: RFC 3339, by the node's clock.
        available: Bytes.
        skew: What has to be added to the node's clock to get the API server's.
    """

    heartbeat: str
    available: int
    skew: timedelta = timedelta()


@dataclass(slots=True)
class MemoryReservations:
    """Bytes that were reserved on each node since its agent last reported its available memory."""

    _by_node: dict[str, tuple[str, int]] = field(default_factory=dict)  # heartbeat, bytes

    def unreserved(self, node: str, headroom: NodeHeadroom) -> int:
        """Return the available bytes that are not reserved; negative: more is reserved."""
        return headroom.available - self._reserved(node, headroom)

    def reserve(self, node: str, headroom: NodeHeadroom, size: int) -> None:
        """Reserve bytes."""
        self._add(node, headroom, size)

    def release(self, node: str, headroom: NodeHeadroom, size: int) -> None:
        """Release bytes that were reserved and are not used after all."""
        self._add(node, headroom, -size)

    def _add(self, node: str, headroom: NodeHeadroom, size: int) -> None:
        reserved = max(self._reserved(node, headroom) + size, 0)
        self._by_node[node] = (headroom.heartbeat, reserved)

    def _reserved(self, node: str, headroom: NodeHeadroom) -> int:
        heartbeat, reserved = self._by_node.get(node, ("", 0))
        return reserved if heartbeat == headroom.heartbeat else 0


def node_headroom(node: Manifest, now: datetime) -> NodeHeadroom | None:
    """Return the memory that an OOMNode reports as available.

    Returns:
        None: the agent does not report it, is silent, or its report cannot be read.
    """
    try:
        status = decode(OOMNodeStatus, node.get("status") or {})
        heartbeat, available = status.agent.heartbeat, status.memory.available
        skew = clock_skew(node, heartbeat)
        if available is None or is_silent(heartbeat, now - skew):
            return None
        return NodeHeadroom(heartbeat, parse_bytes(available), skew)
    except (InvalidObjectError, QuantityError, OverflowError):  # the last: a heartbeat of year 9999
        return None


def parse_time(text: object) -> datetime | None:
    """Parse an RFC 3339 time; a time without a zone is in UTC."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
