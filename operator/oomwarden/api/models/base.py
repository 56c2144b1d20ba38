"""What all kinds of the group share."""

from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from oomwarden.api.free_text import readable
from oomwarden.api.vocabulary import MAX_VALUES

Extra = dict[str, Any]


def validations(*each: Extra, **schema: Any) -> Extra:  # noqa: ANN401 - JSON schema values
    """Return pydantic's `json_schema_extra` with CEL rules and other keywords of a CRD schema."""
    return {"x-kubernetes-validations": list(each), **schema}


def rule(expression: str, message: str, *, field_path: str | None = None) -> Extra:
    """Return a CEL rule (x-kubernetes-validations) with the message for objects that violate it."""
    where = {"fieldPath": field_path} if field_path else {}
    return {"rule": expression, "message": message, **where}


Quantity = Annotated[
    str,
    Field(
        pattern=r"^(0|[1-9][0-9]*)(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E)?$",
        max_length=32,
    ),
]
"""An amount of memory in bytes as oomwarden writes it: 512Mi, 1Gi, 4096."""

Timestamp = Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})]
"""RFC 3339, in UTC, with any number of digits for fractions of a second."""


def truncate(text: object, size: int) -> object:
    """Make a text readable (api/free_text.py); leave other values to validation."""
    return readable(text, size) if isinstance(text, str) else text


def _truncated_to(size: int) -> BeforeValidator:
    return BeforeValidator(partial(truncate, size=size))


Text63 = Annotated[str, _truncated_to(63), Field(max_length=63)]
Text96 = Annotated[str, _truncated_to(96), Field(max_length=96)]
"""A comm: 15 bytes, each of which may be escaped as six characters."""
Text128 = Annotated[str, _truncated_to(128), Field(max_length=128)]
Text253 = Annotated[str, _truncated_to(253), Field(max_length=253)]
Text256 = Annotated[str, _truncated_to(256), Field(max_length=256)]
Text1024 = Annotated[str, _truncated_to(1024), Field(max_length=1024)]
"""A field that accepts text of any length and keeps this many characters."""


class Model(BaseModel):
    """An API type: camelCase in JSON, immutable; unknown fields of a newer CRD are ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        defer_build=True,  # most types are only parts of others: a build takes 17 KiB
    )


_LABEL_VALUE = Annotated[str, Field(max_length=63)]


class LabelSelectorRequirement(Model):
    """One expression of a label selector."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                "!(self.operator in ['In', 'NotIn']) "
                "|| (has(self.values) && size(self.values) > 0)",
                "values must name at least one label value when operator is In or NotIn",
                field_path=".values",
            ),
            rule(
                "!(self.operator in ['Exists', 'DoesNotExist']) "
                "|| !has(self.values) || size(self.values) == 0",
                "values must be absent when operator is Exists or DoesNotExist",
                field_path=".values",
            ),
        )
    )

    key: str = Field(
        description="Label key, such as app.kubernetes.io/name.",
        max_length=317,
        json_schema_extra=validations(
            rule(
                "!format.qualifiedName().validate(self).hasValue()",
                "key must be a label key such as app.kubernetes.io/name: an optional DNS prefix "
                "and /, then 1..63 letters, digits, -, _ and .",
            )
        ),
    )
    operator: str = Field(
        description="In, NotIn (both compare with values), Exists or DoesNotExist.",
        json_schema_extra={"enum": ["In", "NotIn", "Exists", "DoesNotExist"]},
    )
    values: tuple[_LABEL_VALUE, ...] = Field(
        (),
        description="Label values for In and NotIn; absent for Exists and DoesNotExist.",
        max_length=64,
        json_schema_extra=validations(
            rule(
                "self.all(value, !format.labelValue().validate(value).hasValue())",
                "values must be label values: 63 characters at most, letters, digits, -, _ and ., "
                "beginning and ending with a letter or digit",
            )
        ),
    )


class LabelSelector(Model):
    """meta/v1 LabelSelector: all of matchLabels and matchExpressions; empty selects everything."""

    match_labels: dict[str, _LABEL_VALUE] = Field(
        {},
        description="Labels with the values that they must have. All of them must match.",
        max_length=64,
        json_schema_extra=validations(
            rule(
                "self.all(key, !format.qualifiedName().validate(key).hasValue())",
                "matchLabels must have label keys such as app.kubernetes.io/name: an optional DNS "
                "prefix and /, then 1..63 letters, digits, -, _ and .",
            ),
            rule(
                "self.all(key, !format.labelValue().validate(self[key]).hasValue())",
                "matchLabels must have label values: 63 characters at most, letters, digits, -, _ "
                "and ., beginning and ending with a letter or digit",
            ),
            maxProperties=16,
        ),
    )
    match_expressions: tuple[LabelSelectorRequirement, ...] = Field(
        (),
        description="Expressions over labels. All of them must match.",
        max_length=64,
        json_schema_extra=validations(
            rule(
                f"self.map(each, has(each.values) ? size(each.values) : 0).sum() <= {MAX_VALUES}",
                f"all matchExpressions together may have {MAX_VALUES} values at most",
            ),
            maxItems=16,
        ),
    )


class Condition(Model):
    """meta/v1 Condition."""

    type: str = Field(description="What the condition is about, in CamelCase.", max_length=316)
    status: str = Field(
        description="True, False or Unknown.",
        json_schema_extra={"enum": ["True", "False", "Unknown"]},
    )
    reason: str = Field(
        description="The reason, as one CamelCase word for programs.", min_length=1, max_length=1024
    )
    message: str = Field("", description="The reason and the remedy, for people.", max_length=32768)
    last_transition_time: Timestamp = Field(description="When status last changed (RFC 3339, UTC).")
    observed_generation: int | None = Field(
        None, description="metadata.generation that the condition is based on."
    )
