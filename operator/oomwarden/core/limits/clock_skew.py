"""How far a node's clock differs from the API server's, derived from the OOMNode of its agent."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from oomwarden.core.objects.json_parts import object_at, objects_at

NEGLIGIBLE = timedelta(seconds=5)
"""A write takes time, and the API server's timestamps are whole seconds."""


def clock_skew(node: Mapping[str, Any], heartbeat: str) -> timedelta:
    """Return what to add to the node's clock to get the API server's; 0 if it is not known.

    The API server records in managedFields, by its own clock, when a status was last written. The
    heartbeat in that status is by the node's clock.

    Args:
        node: The OOMNode.
        heartbeat: The heartbeat in its status, in RFC 3339.
    """
    written, sent = status_written(node), _parse_time(heartbeat)
    if written is None or sent is None or abs(written - sent) <= NEGLIGIBLE:
        return timedelta()
    return written - sent


def by_server_clock(node: Mapping[str, Any], heartbeat: str) -> str:
    """Return a heartbeat as the API server's clock would show it, unchanged if that is unknown."""
    sent, skew = _parse_time(heartbeat), clock_skew(node, heartbeat)
    try:
        return (sent + skew).isoformat() if sent and skew else heartbeat
    except OverflowError:  # year 9999
        return heartbeat


def status_written(node: Mapping[str, Any]) -> datetime | None:
    """Return when an OOMNode's status was last written, by the API server's clock."""
    entries = objects_at(object_at(node, "metadata"), "managedFields")
    times = (each.get("time") for each in entries if each.get("subresource") == "status")
    return max(filter(None, map(_parse_time, times)), default=None)


def _parse_time(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
