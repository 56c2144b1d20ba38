"""Where and when an incident was observed."""

from dataclasses import dataclass

from oomwarden.api.oomkill import PolicyReference
from oomwarden.core.incidents.memory_history import MemoryTimeline


@dataclass(frozen=True, slots=True)
class RecordContext:
    """What a record says beside the facts of its incident.

    Attributes:
        node: The node's name.
        boot_id: The node's boot.
        after: The kill happened after this time (wall-clock seconds); None if it is unknown.
        before: The kill happened before this time (wall-clock seconds).
        policy: The policy that governed the container.
        memory: The container's memory before the kill.
    """

    node: str
    boot_id: str
    after: float | None
    before: float
    policy: PolicyReference | None = None
    memory: MemoryTimeline | None = None
