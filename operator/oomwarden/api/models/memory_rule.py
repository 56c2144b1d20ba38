"""A rule's memory settings: the limit, group kills, and how the limit grows."""

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from oomwarden.api.codec.values import AMOUNT_LENGTH, amount_text
from oomwarden.api.models.base import Model, rule, validations
from oomwarden.api.vocabulary import LIMIT_MIN, LONG_EXPONENT

_AMOUNT = rule(
    f"!string(self).matches('{LONG_EXPONENT}') && isQuantity(string(self)) "
    f"&& quantity(string(self)).compareTo(quantity('{LIMIT_MIN}')) >= 0",
    f"must be an amount of memory of {LIMIT_MIN} or more, such as 512Mi",
)


Amount = Annotated[
    str,
    Field(max_length=AMOUNT_LENGTH),
    BeforeValidator(amount_text),
    WithJsonSchema(
        validations(_AMOUNT, maxLength=AMOUNT_LENGTH, **{"x-kubernetes-int-or-string": True})
    ),
]
"""An amount of memory, 1Mi or more, in every form that Pods accept: 512Mi, 129e6, 536870912."""

Percentage = Annotated[
    str,
    Field(
        max_length=5,
        json_schema_extra=validations(
            rule("self.matches('^[1-9][0-9]{0,2}%$')", "by must be 1%..999%")
        ),
    ),
]
Duration = Annotated[
    str,
    Field(
        max_length=16,
        json_schema_extra=validations(
            rule(
                "self.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$') && self != '' "
                "&& duration(self) >= duration('1m')",
                "cooldown must be a duration of 1m or more, such as 10m or 1h30m",
            )
        ),
    ),
]


class MemoryRule(Model):
    """Memory of the container's cgroup."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                "has(self.limit) || has(self.groupKill)",
                "memory must set limit or groupKill",
            )
        )
    )

    limit: Amount | None = Field(
        None,
        description=(
            "Memory limit of the container, in bytes (512Mi), set by an in-place resize of the "
            "pod. With onOOM.raiseLimit it is only the starting point."
        ),
    )
    group_kill: bool | None = Field(
        None,
        description=(
            "memory.oom.group. true: the kernel kills all processes of the container together. "
            "false: only the process that it selects. Requires agent.cgroupWrites of the chart."
        ),
    )


class RaiseLimit(Model):
    """How a limit grows after a kill at it. It is never lowered; the template does not change."""

    by: Percentage = Field(
        "25%", description="Increase relative to the limit that was hit, 1%..999%."
    )
    at_least: Amount = Field(
        "64Mi", description="Minimum increase, in bytes (64Mi); `by` may result in more."
    )
    up_to: Amount = Field(description="The highest limit to set, in bytes (2Gi).")
    cooldown: Duration = Field(
        "10m",
        description="Minimum time between two raises of a container: 1m or more, such as 10m.",
    )


class OnOOM(Model):
    """The response to an OOM kill of the container."""

    raise_limit: RaiseLimit = Field(
        description="Raise the limit by an in-place resize of the pod, after a kill at that limit."
    )
