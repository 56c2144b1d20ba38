"""What OOMNodes add: kills without a record, and agents that are silent."""

from collections.abc import Iterable
from datetime import datetime

from oomwarden.core.diagnosis.node_health import SILENT_SECONDS
from oomwarden.core.history.kill_record import number_at, text_at, time_at
from oomwarden.core.objects.json_parts import Json, object_at

_NAMED = 3


def node_caveats(nodes: Iterable[Json], now: datetime) -> tuple[str, ...]:
    """Return what records cannot have, as the agents report it since they started to count."""
    found = list(nodes)
    lost = {
        key: sum(_count(each, key) for each in found) for key in ("unattributed", "undeliverable")
    }
    sentences = []
    if not found:
        sentences.append("No node has an agent that reports, so new kills are not recorded.")
    if lost["unattributed"]:
        sentences.append(
            f"No record has {lost['unattributed']:,} kills that could not be attributed to a pod, "
            "in the lifetime of the agents' stores."
        )
    if lost["undeliverable"]:
        sentences.append(
            f"No record has {lost['undeliverable']:,} kills whose records the API server did not "
            "take, in the lifetime of the agents' stores."
        )
    return (*sentences, *_silent(found, now))


def _count(node: Json, key: str) -> int:
    return max(number_at(object_at(object_at(node, "status"), "kills"), key) or 0, 0)


def _silent(nodes: list[Json], now: datetime) -> tuple[str, ...]:
    names = sorted(_name(each) for each in nodes if _is_silent(each, now))
    if not names:
        return ()
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    sentence = (
        f"Agents without a sign of life for 11 minutes or more: {', '.join(names[:_NAMED])}{more}. "
        "Their latest kills may be missing."
    )
    return (sentence,)


def _is_silent(node: Json, now: datetime) -> bool:
    heartbeat = time_at(object_at(object_at(node, "status"), "agent"), "heartbeat")
    return heartbeat is None or (now - heartbeat).total_seconds() > SILENT_SECONDS


def _name(node: Json) -> str:
    return text_at(object_at(node, "metadata"), "name") or "unknown"
