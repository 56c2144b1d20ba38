"""How far a node's clock is from the API server's, by the OOMNode that its agent writes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from oomwarden.core.objects.json_parts import object_at, objects_at

NEGLIGIBLE = timedelta(seconds=5)
"""A write takes a while, and the API server's times are whole seconds."""


def clock_skew(node: Mapping[str, Any], heartbeat: str) -> timedelta:
    """Give what has to be added to the node's clock; 0 where nothing is known.

    The API server notes in managedFields when a status was written last, by its own clock; the
    heartbeat in it is of the node's.

    Args:
        node: The OOMNode.
        heartbeat: Of its status, as RFC 3339.
    """
    entries = objects_at(object_at(node, "metadata"), "managedFields")
    times = (each.get("time") for each in entries if each.get("subresource") == "status")
    written = max(filter(None, map(_moment, times)), default=None)
    told = _moment(heartbeat)
    if written is None or told is None or abs(written - told) <= NEGLIGIBLE:
        return timedelta()
    return written - told


def _moment(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
