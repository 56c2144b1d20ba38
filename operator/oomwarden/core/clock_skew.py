"""How far a node's clock is from the API server's, by the OOMNode that its agent writes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

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
    told = (node.get("metadata") or {}).get("managedFields")
    entries = [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []
    times = (each.get("time") for each in entries if each.get("subresource") == "status")
    written = max(filter(None, map(_moment, times)), default=None)
    said = _moment(heartbeat)
    if written is None or said is None or abs(written - said) <= NEGLIGIBLE:
        return timedelta()
    return written - said


def _moment(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
