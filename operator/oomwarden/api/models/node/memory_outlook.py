"""What OOMNode says of containers before a kill: near misses and patterns of usage."""

from pydantic import Field

from oomwarden.api.models.base import Model, Quantity, Text256, Timestamp
from oomwarden.api.models.node.memory import PSIStats
from oomwarden.api.vocabulary import MAX_NEAR_MISSES


class ContainerNearMisses(Model):
    """How often a limit was hit within the last hour without a kill."""

    namespace: str = Field(description="Namespace of the pod.")
    pod: str = Field(description="Name of the pod.")
    container: str | None = Field(
        None,
        description=(
            "Name of the container. Absent: it was the limit of the pod, which several containers "
            "share."
        ),
    )
    count: int = Field(
        description=(
            "How often the kernel reclaimed memory because of the limit (max in "
            "memory.events.local), without a kill or a failure. It counts each attempt: a "
            "container that reads many files hits its limit hundreds of times a second without "
            "harm."
        )
    )
    since: Timestamp = Field(description="When the first of them was noticed (RFC 3339, UTC).")
    last: Timestamp = Field(description="When the last of them was noticed (RFC 3339, UTC).")
    limit: Quantity | None = Field(None, description="The limit, in bytes (512Mi).")
    pressure: PSIStats | None = Field(
        None,
        description=(
            "Time that the container's tasks lost waiting for memory, as of the last near misses. "
            "Absent if the kernel does not measure it."
        ),
    )


class NearMissSummary(Model):
    """Near misses of the last hour on the node."""

    total: int = Field(0, description="Number of near misses of all containers and pods.")
    containers: tuple[ContainerNearMisses, ...] = Field(
        (),
        description=f"Whose they are, the most first; {MAX_NEAR_MISSES} at most.",
        max_length=MAX_NEAR_MISSES,
    )
    left_out: int = Field(
        0, description="Number of containers and pods that do not fit into containers."
    )


class ContainerPattern(Model):
    """What a container's memory looks like over hours."""

    namespace: str = Field(description="Namespace of the pod.")
    pod: str = Field(description="Name of the pod.")
    container: str = Field(description="Name of the container.")
    pattern: str = Field(
        description="Leak (a probable one), Sawtooth, Steady, Startup, Spike or Unknown.",
        max_length=32,
    )
    evidence: Text256 = Field(description="The figures that decided, in one sentence.")
    usage: Quantity = Field(description="Memory that is charged to it, in bytes (480Mi).")
    limit: Quantity | None = Field(None, description="Its memory limit, in bytes (512Mi).")
    seconds_to_limit: int | None = Field(
        None,
        description=(
            "Seconds until it reaches its limit if it goes on like this. Absent where the "
            "readings do not allow an estimate."
        ),
    )
