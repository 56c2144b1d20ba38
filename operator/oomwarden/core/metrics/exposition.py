"""The text that Prometheus reads (text format 0.0.4, prometheus.io/docs/instrumenting)."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from oomwarden.core.metrics.family import Family

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_WHOLE = 2**53
"""Whole numbers up to this are exact in the float64 of Prometheus."""


class Sample(NamedTuple):
    """One series and its value.

    Attributes:
        labels: The values of the family's labels, in their order.
        value: The value.
        suffix: Only of a histogram: `_bucket`, `_sum` or `_count`.
        bound: Only of a bucket: the value of the label `le`.
    """

    labels: tuple[str, ...]
    value: float
    suffix: str = ""
    bound: str = ""


Families = Sequence[tuple[Family, Sequence[Sample]]]


def single(family: Family, value: float) -> tuple[Family, Sequence[Sample]]:
    """Return a family with one series without labels."""
    return family, (Sample((), value),)


def exposition(families: Iterable[tuple[Family, Sequence[Sample]]]) -> bytes:
    """Return the text of all families. One without samples is left out."""
    lines: list[str] = []
    for family, samples in families:
        if samples:
            lines.append(f"# HELP {family.name} {_help(family.help)}")
            lines.append(f"# TYPE {family.name} {family.type}")
            lines.extend(_line(family, each) for each in samples)
    return "\n".join((*lines, "")).encode("utf-8", "replace")


def _help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _line(family: Family, sample: Sample) -> str:
    pairs = [
        f'{name}="{value.translate(_ESCAPES)}"'
        for name, value in zip(family.labels, sample.labels, strict=True)
    ]
    if sample.bound:
        pairs.append(f'le="{sample.bound}"')
    labels = f"{{{','.join(pairs)}}}" if pairs else ""
    return f"{family.name}{sample.suffix}{labels} {number(sample.value)}"


def number(value: float) -> str:
    """Return a number as the text format has it: whole numbers without a fraction."""
    if isinstance(value, int) or (value.is_integer() and abs(value) < _WHOLE):
        return str(int(value))
    return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(repr(value), repr(value))
