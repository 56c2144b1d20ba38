"""OOMLimit: the limits that the operator has set on a pod's containers, and the original ones."""

from pydantic import Field

from oomwarden.api.models.base import Model, Quantity, Timestamp
from oomwarden.api.vocabulary import Step

MAX_CONTAINERS = 256


class KeptLimit(Model):
    """The limit of one container that oomwarden has set."""

    name: str = Field(description="Name of the container.", max_length=63)
    step: Step = Field(
        description="Where it comes from: Limit (memory.limit) or Raise (onOOM.raiseLimit)."
    )
    before: Quantity | None = Field(
        None,
        description="The limit before oomwarden first changed it, in bytes (512Mi). Absent: none.",
    )
    limit: Quantity = Field(description="The limit that oomwarden has set, in bytes (1Gi).")
    pending: bool = Field(
        default=False,
        description="Whether the resize is not confirmed yet; until then the limit is `was`.",
    )
    was: Quantity | None = Field(
        None, description="While pending: the limit before this resize, in bytes. Absent: none."
    )
    at: Timestamp = Field(description="When it was set (RFC 3339, UTC).")


class OOMLimitSpec(Model):
    """A pod and its containers. The object is named after the pod's UID."""

    node: str = Field(description="Name of the pod's node.", max_length=253)
    namespace: str = Field(description="Namespace of the pod.", max_length=63)
    pod: str = Field(description="Name of the pod.", max_length=253)
    containers: tuple[KeptLimit, ...] = Field(
        (),
        description="The containers whose limits oomwarden has set.",
        max_length=MAX_CONTAINERS,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )
