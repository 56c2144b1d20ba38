"""OOMLimit: the limits that the operator has set on a pod's containers, and those of before."""

from enum import StrEnum

from pydantic import Field

from oomwarden.api.base import Model, Quantity, Timestamp

MOST_CONTAINERS = 256


class Step(StrEnum):
    """What the operator wrote a limit for: memory.limit of a rule, or its onOOM.raiseLimit."""

    LIMIT = "Limit"
    RAISE = "Raise"


class KeptLimit(Model):
    """One container's limit that oomwarden has set."""

    name: str = Field(description="Name of the container.", max_length=63)
    step: Step = Field(
        description="What it was set for: Limit (memory.limit) or Raise (onOOM.raiseLimit)."
    )
    before: Quantity | None = Field(
        None,
        description="The limit before oomwarden's first write, in bytes (512Mi). Absent: none.",
    )
    limit: Quantity = Field(description="The limit that oomwarden has set, in bytes (1Gi).")
    pending: bool = Field(
        default=False,
        description="Whether the resize was not confirmed yet; `was` is the limit until then.",
    )
    was: Quantity | None = Field(
        None, description="While pending: the limit at that time, in bytes. Absent: none."
    )
    at: Timestamp = Field(description="When it was set (RFC 3339, UTC).")


class OOMLimitSpec(Model):
    """A pod and its containers; the object is named after the pod's UID."""

    node: str = Field(description="Name of the pod's node.", max_length=253)
    namespace: str = Field(description="Namespace of the pod.", max_length=63)
    pod: str = Field(description="Name of the pod.", max_length=253)
    containers: tuple[KeptLimit, ...] = Field(
        (),
        description="The containers whose limits oomwarden has set.",
        max_length=MOST_CONTAINERS,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )
