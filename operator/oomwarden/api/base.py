"""What all kinds of the group share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

GROUP = "oomwarden.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

LABEL_NODE = f"{GROUP}/node"
LABEL_POD_UID = f"{GROUP}/pod-uid"
LABEL_CAUSE = f"{GROUP}/cause"

Quantity = Annotated[
    str,
    Field(pattern=r"^(0|[1-9][0-9]*)(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E)?$"),
]
"""An amount of memory in bytes as Kubernetes writes it: 512Mi, 1Gi, 4096."""


class Model(BaseModel):
    """A wire type: camelCase outside, frozen inside; unknown fields of a newer CRD are ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore"
    )


class LabelSelectorRequirement(Model):
    """One expression of a LabelSelector."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


class LabelSelector(Model):
    """meta/v1 LabelSelector: all of matchLabels and matchExpressions; empty selects everything."""

    match_labels: dict[str, str] = {}
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


class Condition(Model):
    """meta/v1 Condition."""

    type: str
    status: str
    reason: str
    message: str = ""
    last_transition_time: str
    observed_generation: int | None = None
