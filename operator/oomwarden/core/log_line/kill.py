"""The line of a kill: the keys that queries need, beside the whole OOMKill."""

from typing import Any

from oomwarden.core.log_line.keys import about
from oomwarden.core.model.quantity import parse_bytes
from oomwarden.core.objects.json_parts import Manifest, object_at, objects_at

REASON = "OOMKilled"
"""As in the Event on the Pod."""


def about_kill(kill: Manifest) -> dict[str, Any]:
    """Return the keys of a kill's line. Unknown facts are absent, as in the OOMKill."""
    metadata, pod = object_at(kill, "metadata"), object_at(kill, "pod")
    victims = objects_at(kill, "victims")
    first = victims[0] if victims else {}
    limit = kill.get("limit")
    return about(
        kind="OOMKill",
        namespace=metadata.get("namespace"),
        name=metadata.get("name"),
        pod=pod.get("name"),
        container=object_at(kill, "container").get("name"),
        owner=_reference(pod, "owner"),
        node=kill.get("node"),
        policy=_reference(kill, "policy"),
        reason=REASON,
        cause=kill.get("cause"),
        victim=first.get("command"),
        pid=first.get("pid"),
        kills=kill.get("kills"),
        victims=len(victims) or None,
        limitBytes=None if limit is None else parse_bytes(limit),
        oomkill=kill,
    )


def kill_message(kill: Manifest, note: str) -> str:
    """Return the sentence: the Event's, with the pod's name before it."""
    namespace, pod = object_at(kill, "metadata").get("namespace"), object_at(kill, "pod")
    return f"pod {namespace}/{pod.get('name')}, {note}"


def _reference(found: object, key: str) -> str | None:
    part = object_at(found, key)
    return f"{part['kind']}/{part['name']}" if part else None
