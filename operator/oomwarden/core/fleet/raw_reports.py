"""Reads events of OOMNodes. What nodes report of policies stays JSON: mostly nothing has changed.

A fleet's heartbeats come hundreds of times a second, each with the reports of all policies.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Raw, Struct, field
from msgspec.json import Decoder
from msgspec.structs import asdict

from oomwarden.core.objects.deep_json import loads
from oomwarden.core.objects.json_parts import Manifest

_NULL = Raw(b"null")


class _Status(Struct):
    agent: Any = None
    policies: Raw = _NULL
    resizes: Raw = _NULL


class _Node(Struct):
    metadata: dict[str, Any]
    status: _Status = field(default_factory=_Status)


class _Event(Struct):
    type: str
    object: _Node


_DECODER = Decoder(_Event)


def read_event(line: bytes) -> tuple[str, Manifest] | None:
    """Read a watch event; of the status only what `reported_node` needs.

    Returns:
        Its type and its object, in whose status `policies` and `resizes` are a `msgspec.Raw`. None:
        it is something else, such as an error, and is to be read whole.
    """
    try:
        event = _DECODER.decode(line)
    except (RecursionError, ValueError):
        return None
    if event.type == "ERROR":
        return None
    node = event.object
    return event.type, {"metadata": node.metadata, "status": asdict(node.status)}


def read_list(found: object) -> Sequence[object]:
    """Return a list, decoded or not; empty if it is something else."""
    value = loads(bytes(found)) if isinstance(found, Raw) else found
    return value if isinstance(value, list) else ()
