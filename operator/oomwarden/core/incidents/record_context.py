"""Where and when an incident was observed."""

from typing import NamedTuple

from msgspec import Struct

from oomwarden.api.oomkill import PolicyReference
from oomwarden.core.incidents.memory_history import MemoryTimeline


class GoverningPolicy(NamedTuple):
    """The policy that governs a container.

    Attributes:
        reference: Its kind and name.
        lowers_score: Whether it gives the container a lower score than the kubelet's.
    """

    reference: PolicyReference
    lowers_score: bool = False


class RecordContext(Struct, frozen=True):
    """What a record says beside the facts of its incident.

    Attributes:
        node: The node's name.
        boot_id: The node's boot.
        after: The kill happened after this time (wall-clock seconds); None if it is unknown.
        before: The kill happened before this time (wall-clock seconds).
        policy: The policy that governed the container.
        memory: The container's memory before the kill.
        is_protected: Whether the policy gave the container a lower score than the kubelet's.
    """

    node: str
    boot_id: str
    after: float | None
    before: float
    policy: PolicyReference | None = None
    memory: MemoryTimeline | None = None
    is_protected: bool = False
